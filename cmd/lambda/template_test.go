package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-s3/signpost/internal/config"
	"go.yaml.in/yaml/v3"
)

// folder is this folder, before a local store changes the working directory.
var folder = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()

// template parses template.yaml.
func template(t *testing.T) map[string]any {
	t.Helper()
	return parsed(t, "template.yaml")
}

// parsed parses a template. The short form of an intrinsic (!Ref, !Sub) is read as its argument.
func parsed(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := yaml.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// at returns the value at keys below v.
func at[T any](t *testing.T, v any, keys ...string) T {
	t.Helper()
	for _, key := range keys {
		v = v.(map[string]any)[key]
	}
	found, ok := v.(T)
	if !ok {
		t.Fatalf("template.yaml: %s is %T, want %T", strings.Join(keys, "."), v, found)
	}
	return found
}

// TestTemplateSetsWhatIsRead compares the SIGNPOST_ variables of the template with those that the function reads.
func TestTemplateSetsWhatIsRead(t *testing.T) {
	var reads []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.FunctionConfig]()) {
		reads = append(reads, field.Tag.Get("env"))
	}
	set := at[map[string]any](t, template(t), "Resources", "Function", "Properties", "Environment", "Variables")
	for name := range set {
		if !slices.Contains(reads, name) {
			t.Errorf("the template sets %s, which the function does not read", name)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`SIGNPOST_[A-Z0-9_]+`).FindAllString(string(text), -1) {
		if set[name] == nil {
			t.Errorf("the template names %s outside of the function's environment", name)
		}
	}
	if events := set["SIGNPOST_LAMBDA_EVENTS"]; events != "proxy" {
		t.Errorf("SIGNPOST_LAMBDA_EVENTS: got %v, want proxy: with direct, a caller's body would be the event", events)
	}
}

// actions contains the IAM action of each SDK call of package bucket, and of each request that it signs. Calls without
// an action are only made by doctor, which runs with its user's credentials.
var actions = map[string]string{
	"HeadBucket":                      "s3:ListBucket",
	"ListObjectsV2":                   "s3:ListBucket",
	"HeadObject":                      "s3:GetObject",
	"GetObject":                       "s3:GetObject",
	"PutObject":                       "s3:PutObject",
	"DeleteObject":                    "s3:DeleteObject",
	"CreateMultipartUpload":           "s3:PutObject",
	"CompleteMultipartUpload":         "s3:PutObject",
	"AbortMultipartUpload":            "s3:AbortMultipartUpload",
	"ListParts":                       "s3:ListMultipartUploadParts",
	"SignPut":                         "s3:PutObject",
	"SignParts":                       "s3:PutObject",
	"SignForm":                        "s3:PutObject",
	"SignGet":                         "s3:GetObject",
	"ListMultipartUploads":            "s3:ListBucketMultipartUploads",
	"GetBucketCors":                   "",
	"GetBucketLifecycleConfiguration": "",
	"GetObjectTagging":                "",
}

// TestRoleMayDoWhatIsDone compares the role's S3 actions with the calls in the source of package bucket, in both
// directions.
func TestRoleMayDoWhatIsDone(t *testing.T) {
	needs := map[string]bool{}
	sources, err := filepath.Glob(filepath.Join(folder, "../../internal/bucket/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`\bclient\.([A-Z]\w+)(?:\(ctx|,)|^func \(b \*Bucket\) (Sign\w+)\(`)
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for line := range strings.Lines(string(source)) {
			if made := call.FindStringSubmatch(line); made != nil {
				action, known := actions[made[1]+made[2]]
				if !known {
					t.Errorf("%s: %s is not in the list of calls and their actions", name, made[1]+made[2])
				}
				needs[action] = true
			}
		}
	}
	delete(needs, "")
	if got, want := granted(t), slices.Sorted(maps.Keys(needs)); !slices.Equal(got, want) {
		t.Errorf("actions of the role: got %v, want %v, as the code calls them", got, want)
	}
}

// granted returns the S3 actions of the function's role.
func granted(t *testing.T) []string {
	var actions []string
	for _, policy := range at[[]any](t, template(t), "Resources", "Role", "Properties", "Policies") {
		if _, conditional := policy.([]any); conditional { // the policy for traces, an Fn::If list
			continue
		}
		for _, statement := range at[[]any](t, policy, "PolicyDocument", "Statement") {
			if s, ok := statement.(map[string]any); ok { // the statement for the KMS key is an Fn::If list
				for _, action := range listed(s["Action"]) {
					if strings.HasPrefix(action, "s3:") {
						actions = append(actions, action)
					}
				}
			}
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// TestSigningRole checks that the role that signs uploads may only put imports, that only the function may assume it,
// and that the function uses it if the parameter says so.
func TestSigningRole(t *testing.T) {
	resources := at[map[string]any](t, template(t), "Resources")
	for _, name := range []string{"SigningRole", "SigningRoleUse"} {
		if got := at[string](t, resources, name, "Condition"); got != "HasSigningRole" {
			t.Errorf("%s: got the condition %s, want HasSigningRole", name, got)
		}
	}
	trust := at[[]any](t, resources, "SigningRole", "Properties", "AssumeRolePolicyDocument", "Statement")
	if got := at[string](t, trust[0], "Principal", "AWS"); len(trust) != 1 || got != "Role.Arn" {
		t.Errorf("SigningRole trusts %v, want the function's role alone", trust)
	}
	for _, policy := range at[[]any](t, resources, "SigningRole", "Properties", "Policies") {
		for _, statement := range at[[]any](t, policy, "PolicyDocument", "Statement") {
			s, ok := statement.(map[string]any)
			if !ok { // the statement for the KMS key, an Fn::If list
				s = statement.([]any)[1].(map[string]any)
			}
			switch got := listed(s["Action"]); {
			case slices.Equal(got, []string{"s3:PutObject"}) && s["Resource"] == "${Bucket.Arn}/imports/*":
			case slices.Equal(got, []string{"kms:GenerateDataKey", "kms:Decrypt"}) && s["Resource"] == "KmsKeyArn":
			default:
				t.Errorf(
					"SigningRole may %v on %v, want s3:PutObject on imports/* and the use of the bucket's key", got, s["Resource"])
			}
		}
	}
	use := at[[]any](t, resources, "SigningRoleUse", "Properties", "PolicyDocument", "Statement")
	if got := use[0].(map[string]any); len(use) != 1 || got["Action"] != "sts:AssumeRole" ||
		got["Resource"] != "SigningRole.Arn" {
		t.Errorf("SigningRoleUse allows %v, want sts:AssumeRole on SigningRole", use)
	}
	variable := at[[]any](t, resources, "Function", "Properties", "Environment", "Variables", "SIGNPOST_SIGNING_ROLE_ARN")
	if want := []any{"HasSigningRole", "SigningRole.Arn", "AWS::NoValue"}; !slices.Equal(variable, want) {
		t.Errorf("SIGNPOST_SIGNING_ROLE_ARN: got %v, want %v", variable, want)
	}
}

// listed returns one string or several as a list.
func listed(v any) []string {
	if one, ok := v.(string); ok {
		return []string{one}
	}
	var many []string
	for _, item := range v.([]any) {
		many = append(many, item.(string))
	}
	return many
}

// TestAccessLogHoldsNoIDs checks that API Gateway's access log has the route and not the path, which may contain the
// id of an anonymous import.
func TestAccessLogHoldsNoIDs(t *testing.T) {
	format := at[string](t, template(t), "Resources", "Stage", "Properties", "AccessLogSetting", "Format")
	want := []string{
		"requestId", "requestTime", "identity.sourceIp", "httpMethod", "resourcePath", "status",
		"responseLength", "responseLatency", "integrationLatency", "integration.status", "identity.apiKeyId",
	}
	var got []string
	for _, found := range regexp.MustCompile(`\$context\.([A-Za-z.]+)`).FindAllStringSubmatch(format, -1) {
		got = append(got, found[1])
	}
	if !slices.Equal(got, want) || strings.Count(format, "$") != len(want) {
		t.Errorf("the access log holds %q, want %q", got, want)
	}
}

// TestURLLifetimeLimit checks that the templates accept a lifetime of URLs up to what the function's role can sign.
func TestURLLifetimeLimit(t *testing.T) {
	for _, file := range []string{"template.yaml", "direct.yaml"} {
		maximum := at[int](t, parsed(t, file), "Parameters", "UrlTtlSeconds", "MaxValue")
		if got := time.Duration(maximum) * time.Second; got != config.FunctionURLLimit {
			t.Errorf("%s: got at most %s, want %s", file, got, config.FunctionURLLimit)
		}
	}
}
