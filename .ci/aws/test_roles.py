"""Call by call, what the template's roles may do and what not.

Only calls whose action moto knows by its AWS name are tried: HeadBucket, which is s3:ListBucket, is not.
"""
import json, unittest

import stack, world
from world import ACCOUNT, BUCKET, REGION, client

OBJECT = [  # all that is done with one object
    ("put_object", {"Body": b"{}"}), ("get_object", {}), ("head_object", {}), ("delete_object", {}),
    ("create_multipart_upload", {}),
    ("upload_part", {"UploadId": "none", "PartNumber": 1, "Body": b"x"}),
    ("complete_multipart_upload",
     {"UploadId": "none", "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"x"'}]}}),
]
PARTS = [("list_parts", {"UploadId": "none"}), ("abort_multipart_upload", {"UploadId": "none"})]
UPLOADS = ("put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload")
PREFIXES = ["imports/public/x", "jobs/public/ffff-x.json", "idem/public/x", "outbox/dead/x.json", "sweep/lease.json"]
IMPORT = {"Bucket": BUCKET, "Key": "imports/public/x"}


def setUpModule():
    world.start()
    stack.bucket_rules()
    stack.roles()
    for arn in stack.roles():
        stack.session(arn)
    enforced = world.permissions_enforced()
    enforced.__enter__()
    unittest.addModuleCleanup(enforced.__exit__, None, None, None)


class RoleTest(unittest.TestCase):
    role = 0  # of stack.roles()

    def setUp(self):
        self.session = stack.session(stack.roles()[self.role])
        self.s3 = client("s3", **self.session)
        self.tried = 0

    def allowed(self, call, client=None, **arguments):
        self.assertTrue(self.permitted(client or self.s3, call, arguments), f"{call} {arguments}: denied")

    def denied(self, call, client=None, **arguments):
        self.assertFalse(self.permitted(client or self.s3, call, arguments), f"{call} {arguments}: allowed")

    def permitted(self, client, call, arguments):
        """Reports whether a call passes the policies. It may still fail, for example because an upload is missing."""
        self.tried += 1
        try:
            getattr(client, call)(**arguments)
            return True
        except client.exceptions.ClientError as e:
            code = e.response["Error"]["Code"]
            denied = code in ("AccessDenied", "403")  # the response to a HEAD has no code
            forbidden = e.response["ResponseMetadata"]["HTTPStatusCode"] == 403
            self.assertEqual(denied, forbidden, f"{call} {arguments}: {code} does not depend on policies")
            return not denied


class FunctionRole(RoleTest):
    def test_allowed(self):
        for key in PREFIXES:
            for call, arguments in OBJECT:
                self.allowed(call, Bucket=BUCKET, Key=key, **arguments)
        for call, arguments in PARTS:
            self.allowed(call, **IMPORT, **arguments)
        self.allowed("list_objects_v2", Bucket=BUCKET, Prefix="jobs")
        self.allowed("list_multipart_uploads", Bucket=BUCKET, Prefix="imports")
        self.assertEqual(self.tried, 39)

    def test_denied_elsewhere(self):
        for bucket, key in ((BUCKET, "x"), (BUCKET, "import/x"), (BUCKET, "other/imports/x"),
                            ("other", "imports/public/x"), ("other", "jobs/public/x")):
            for call, arguments in OBJECT + PARTS:
                self.denied(call, Bucket=bucket, Key=key, **arguments)
        for key in "jobs/public/x", "idem/public/x", "outbox/x", "sweep/x":
            for call, arguments in PARTS:
                self.denied(call, Bucket=BUCKET, Key=key, **arguments)
        self.denied("list_objects_v2", Bucket="other", Prefix="jobs")
        self.denied("list_multipart_uploads", Bucket="other", Prefix="imports")

    def test_denied_of_buckets_and_objects(self):
        here, versioned = {"Bucket": BUCKET}, {**IMPORT, "VersionId": "x"}
        for call, arguments in (
            ("list_buckets", {}), ("delete_bucket", here),
            ("create_bucket", {"Bucket": "third", "CreateBucketConfiguration": {"LocationConstraint": REGION}}),
            ("get_bucket_policy", here), ("delete_bucket_policy", here),
            ("put_bucket_policy", {**here, "Policy": json.dumps({"Version": "2012-10-17", "Statement": []})}),
            ("get_bucket_acl", here), ("put_bucket_acl", {**here, "ACL": "public-read"}),
            ("get_bucket_cors", here), ("put_bucket_cors", {**here, "CORSConfiguration": {"CORSRules": []}}),
            ("delete_bucket_cors", here), ("get_bucket_lifecycle_configuration", here),
            ("put_bucket_lifecycle_configuration", {**here, "LifecycleConfiguration": {"Rules": stack.bucket_rules()}}),
            ("delete_bucket_lifecycle", here),
            ("put_bucket_versioning", {**here, "VersioningConfiguration": {"Status": "Enabled"}}),
            ("put_bucket_notification_configuration", {**here, "NotificationConfiguration": {}}),
            ("put_bucket_tagging", {**here, "Tagging": {"TagSet": []}}), ("list_object_versions", here),
            ("get_object_acl", IMPORT), ("put_object_acl", {**IMPORT, "ACL": "public-read"}),
            ("get_object_tagging", IMPORT), ("put_object_tagging", {**IMPORT, "Tagging": {"TagSet": []}}),
            ("get_object", versioned), ("delete_object", versioned),
        ):
            self.denied(call, **arguments)

    def test_denied_of_other_services(self):
        for service, call, arguments in (
            ("iam", "list_roles", {}), ("iam", "create_user", {"UserName": "x"}), ("lambda", "list_functions", {}),
            ("logs", "create_log_group", {"logGroupName": "x"}),
            ("sts", "assume_role", {"RoleArn": stack.roles()[0], "RoleSessionName": "again"}),
        ):
            self.denied(call, client(service, **self.session), **arguments)

    def test_parameter_store(self):
        """moto evaluates the actions of Parameter Store and not their resources, so those are compared."""
        statements = [s for policy in stack.template().properties("Role")["Policies"]
                      for s in policy["PolicyDocument"]["Statement"] if "ssm:" in str(s["Action"])]
        parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/signpost/webhook-secrets"
        self.assertEqual([(s["Action"], s["Resource"]) for s in statements], [("ssm:GetParameter", parameter)])
        ssm, name = client("ssm", **self.session), "/signpost/webhook-secrets"
        for call, arguments in (
            ("get_parameters", {"Names": [name]}), ("get_parameters_by_path", {"Path": "/signpost"}),
            ("get_parameter_history", {"Name": name}), ("delete_parameter", {"Name": name}),
            ("put_parameter", {"Name": name, "Value": "x", "Overwrite": True}),
        ):
            self.denied(call, ssm, **arguments)


class SigningRole(RoleTest):
    role = 1

    def test_function_signs_with_this_role(self):
        self.assertEqual(stack.service_environment()["SIGNPOST_SIGNING_ROLE_ARN"], stack.roles()[1])

    def test_uploads_to_imports_and_nothing_else(self):
        for key in [*PREFIXES, "x"]:
            for call, arguments in OBJECT + PARTS:
                check = self.allowed if call in UPLOADS and key.startswith("imports/") else self.denied
                check(call, Bucket=BUCKET, Key=key, **arguments)
        self.denied("list_objects_v2", Bucket=BUCKET, Prefix="imports")
        self.denied("get_object_tagging", **IMPORT)
        self.denied("put_object_tagging", **IMPORT, Tagging={"TagSet": []})
