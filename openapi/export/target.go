package export

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Target contains the values for the variables of the integrations. An empty value keeps the variable.
type Target struct {
	Partition, Region, Account string // API Gateway replaces these variables at import
	Function                   string // each stage replaces this variable; may end in a colon and an alias or version
}

// Resolve replaces the variables in document by the values of t. It does not escape them for YAML, so callers must
// validate them.
func Resolve(document []byte, t Target) []byte {
	var values []string
	for variable, value := range map[string]string{
		"${AWS::Partition}":          t.Partition,
		"${AWS::Region}":             t.Region,
		"${AWS::AccountId}":          t.Account,
		"${stageVariables.function}": t.Function,
	} {
		if value != "" {
			values = append(values, variable, value)
		}
	}
	return []byte(strings.NewReplacer(values...).Replace(string(document)))
}

// TargetFlags are the flags that name a Target. They are pointers, because an empty value is an error: most often an
// unset variable of a shell.
type TargetFlags struct {
	AWSAccount   *string `name:"aws-account" placeholder:"ACCOUNT" help:"AWS account, 12 digits; requires --aws-region."`
	AWSRegion    *string `name:"aws-region" placeholder:"REGION" help:"Region, such as eu-west-1; requires --aws-account."`
	AWSPartition *string `name:"aws-partition" placeholder:"PARTITION" help:"Partition (default: by region)."`
	Function     *string `placeholder:"NAME" help:"Lambda function, or NAME:ALIAS for an alias or version."`
}

// valueRule is the pattern of a flag's value, with the message for other values.
type valueRule struct {
	pattern *regexp.Regexp
	message string
}

var (
	accountForm   = valueRule{regexp.MustCompile(`^[0-9]{12}$`), "must be an account of 12 digits, such as 123456789012"}
	regionForm    = valueRule{regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`), "must be a region, such as eu-west-1"}
	partitionForm = valueRule{regexp.MustCompile(`^aws(-[a-z]+)*$`), "must be a partition, such as aws or aws-cn"}
	functionForm  = valueRule{regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$`),
		"must be a function's name of at most 64 letters, digits, - and _, such as signpost, or with an alias signpost:live"}
)

// partitions maps region names to partitions, as the AWS SDKs do.
var partitions = []struct {
	name    string
	regions *regexp.Regexp
}{
	{"aws-cn", regexp.MustCompile(`^cn-[a-z]+-[0-9]+$`)},
	{"aws-us-gov", regexp.MustCompile(`^us-gov-[a-z]+-[0-9]+$`)},
	{"aws-iso", regexp.MustCompile(`^us-iso-[a-z]+-[0-9]+$`)},
	{"aws-iso-b", regexp.MustCompile(`^us-isob-[a-z]+-[0-9]+$`)},
	{"aws-iso-e", regexp.MustCompile(`^eu-isoe-[a-z]+-[0-9]+$`)},
	{"aws-iso-f", regexp.MustCompile(`^us-isof-[a-z]+-[0-9]+$`)},
	{"aws-eusc", regexp.MustCompile(`^eusc-[a-z]+-[a-z]+-[0-9]+$`)},
	{"aws", regexp.MustCompile(`^(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]+$`)},
}

// Target returns the target that the flags name, or all their errors.
func (f TargetFlags) Target() (Target, error) {
	problems := append(f.malformed(), f.missing()...)
	if len(problems) == 0 {
		problems = f.wrongPartition()
	}
	if len(problems) > 0 {
		return Target{}, errors.New(strings.Join(problems, "\n"))
	}
	t := Target{Account: value(f.AWSAccount), Region: value(f.AWSRegion), Function: value(f.Function)}
	t.Partition = cmp.Or(value(f.AWSPartition), partitionOf(t.Region))
	return t, nil
}

func (f TargetFlags) malformed() (problems []string) {
	for _, flag := range []struct {
		name  string
		value *string
		form  valueRule
	}{
		{"--aws-account", f.AWSAccount, accountForm},
		{"--aws-region", f.AWSRegion, regionForm},
		{"--aws-partition", f.AWSPartition, partitionForm},
		{"--function", f.Function, functionForm},
	} {
		if flag.value != nil && !flag.form.pattern.MatchString(*flag.value) {
			problems = append(problems, fmt.Sprintf("%s=%q: %s", flag.name, *flag.value, flag.form.message))
		}
	}
	return problems
}

func (f TargetFlags) missing() []string {
	const together = "%s requires %s: set both, or neither to let API Gateway fill them in"
	switch {
	case f.AWSAccount != nil && f.AWSRegion == nil:
		return []string{fmt.Sprintf(together, "--aws-account", "--aws-region")}
	case f.AWSAccount == nil && f.AWSRegion != nil:
		return []string{fmt.Sprintf(together, "--aws-region", "--aws-account")}
	case f.AWSPartition != nil && f.AWSRegion == nil:
		return []string{"--aws-partition requires --aws-account and --aws-region: " +
			"set all three, or none to let API Gateway fill them in"}
	}
	return nil
}

// wrongPartition reports a region that is not in the given partition, or in no known one.
func (f TargetFlags) wrongPartition() []string {
	region, given := value(f.AWSRegion), value(f.AWSPartition)
	known := partitionOf(region)
	switch {
	case region != "" && known == "" && given == "":
		return []string{fmt.Sprintf("--aws-region=%q: unknown region: correct it, or set --aws-partition", region)}
	case known != "" && given != "" && known != given:
		return []string{fmt.Sprintf("--aws-partition=%q: %s is in partition %s: omit --aws-partition, or correct the region",
			given, region, known)}
	}
	return nil
}

// partitionOf returns the partition of a region, or "" if it is unknown.
func partitionOf(region string) string {
	for _, p := range partitions {
		if p.regions.MatchString(region) {
			return p.name
		}
	}
	return ""
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
