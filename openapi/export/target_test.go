package export

import "testing"

// TestPartitionOf has a region of each partition that the SDK knows, and names that are no regions.
func TestPartitionOf(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "eu-central-2": "aws", "ap-southeast-7": "aws", "mx-central-1": "aws", "il-central-1": "aws",
		"cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn",
		"us-gov-west-1": "aws-us-gov", "us-gov-east-1": "aws-us-gov",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e",
		"us-isof-south-1": "aws-iso-f",
		"eusc-de-east-1":  "aws-eusc",
		"ue-west-1":       "", "eu-west": "", "EU-WEST-1": "", "eu-west-1a": "", "": "",
	} {
		if got := partitionOf(region); got != want {
			t.Errorf("partitionOf(%q): got %q, want %q", region, got, want)
		}
	}
}
