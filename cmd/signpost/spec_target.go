package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/signpost-s3/signpost/openapi"
)

// targetFlags are pointers, for an empty one is a mistake: most often a shell's variable that was never set.
type targetFlags struct {
	AWSAccount   *string `name:"aws-account" placeholder:"ACCOUNT" help:"Name the account, by its 12 digits, as --aws-region names the region."`
	AWSRegion    *string `name:"aws-region" placeholder:"REGION" help:"Name the region, such as eu-west-1, as --aws-account names the account."`
	AWSPartition *string `name:"aws-partition" placeholder:"PARTITION" help:"Name the partition, if it is not to be told from the region: aws, in China aws-cn, in GovCloud aws-us-gov."`
	Function     *string `placeholder:"NAME" help:"Name the Lambda function, with an alias or version as NAME:ALIAS."`
}

// A form is what the value of a flag must look like, and how that is said.
type valueRule struct {
	pattern *regexp.Regexp
	message string
}

var (
	accountForm   = valueRule{regexp.MustCompile(`^[0-9]{12}$`), "must be the 12 digits of an account, such as 123456789012"}
	regionForm    = valueRule{regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`), "must be a region, such as eu-west-1"}
	partitionForm = valueRule{regexp.MustCompile(`^aws(-[a-z]+)*$`), "must be a partition, such as aws, aws-cn or aws-us-gov"}
	functionForm  = valueRule{regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$`),
		"must be a function's name alone, of at most 64 letters, digits, - and _, such as signpost, or with an alias signpost:live"}
)

// partitions tell by a region's name where it is, as the AWS SDKs do.
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

// target is what the flags name, or all that is wrong with them.
func (f targetFlags) target() (openapi.Target, error) {
	faults := append(f.malformed(), f.missing()...)
	if len(faults) == 0 {
		faults = f.wrongPartition()
	}
	if len(faults) > 0 {
		return openapi.Target{}, errors.New(strings.Join(faults, "\n"))
	}
	t := openapi.Target{Account: deref(f.AWSAccount), Region: deref(f.AWSRegion), Function: deref(f.Function)}
	t.Partition = cmp.Or(deref(f.AWSPartition), partitionOf(t.Region))
	return t, nil
}

func (f targetFlags) malformed() (faults []string) {
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
			faults = append(faults, fmt.Sprintf("%s=%q: %s", flag.name, *flag.value, flag.form.message))
		}
	}
	return faults
}

func (f targetFlags) missing() []string {
	const together = "%s needs %s beside it, for a function's address names both: give both, or leave both to API Gateway"
	switch {
	case f.AWSAccount != nil && f.AWSRegion == nil:
		return []string{fmt.Sprintf(together, "--aws-account", "--aws-region")}
	case f.AWSAccount == nil && f.AWSRegion != nil:
		return []string{fmt.Sprintf(together, "--aws-region", "--aws-account")}
	case f.AWSPartition != nil && f.AWSRegion == nil:
		return []string{"--aws-partition needs --aws-account and --aws-region beside it: give all three, or leave all to API Gateway"}
	}
	return nil
}

// misplaced finds a region that is not in the partition given, or in none that is known.
func (f targetFlags) wrongPartition() []string {
	region, given := deref(f.AWSRegion), deref(f.AWSPartition)
	known := partitionOf(region)
	switch {
	case region != "" && known == "" && given == "":
		return []string{fmt.Sprintf("--aws-region=%q: is in no partition known here: mend the name, or give --aws-partition too", region)}
	case known != "" && given != "" && known != given:
		return []string{fmt.Sprintf("--aws-partition=%q: %s is in partition %s: leave --aws-partition out, or mend the region",
			given, region, known)}
	}
	return nil
}

// partitionOf is "" for a region whose name tells nothing.
func partitionOf(region string) string {
	for _, p := range partitions {
		if p.regions.MatchString(region) {
			return p.name
		}
	}
	return ""
}
