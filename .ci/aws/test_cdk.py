"""The template in an app of the AWS CDK and in Terraform, as the README shows, and what cdk-nag finds in it."""
import json, os, pathlib, re, unittest

import stack, world
from test_template import CERTIFICATE, KEYS, TOPIC, WEB_ACL
from world import ACCOUNT, REGION, run

TOOLS = world.WORK / "npm"
SECTION = "How do I deploy it with CDK or Terraform?"


def setUpModule():
    world.start()
    world.require("the template in the CDK, Terraform and cdk-nag", "node", "npm", install="apt-get install nodejs npm")
    run("npm", "install", "--prefix", TOOLS, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts",
        "--prefer-offline", "--loglevel=error", "aws-cdk-lib@2.276.0", "constructs@10.8.1", "cdk-nag@3.0.2",
        "typescript@5.9.3", "@cdktf/hcl2json@0.21.0")
    run("bash", "-euc", world.readme_commands(SECTION), env={"PATH": world.path()})


def packaged():
    return world.yaml.safe_load(pathlib.Path("bin/deploy/packaged.yaml").read_text())


class Readme(unittest.TestCase):
    # What the validator of CloudFormation in aws-cdk-lib reports, and why it stays.
    WARNINGS = {
        "W1001": "the other API is created unless this one is",
        "W1028": "the same",
        "W1030": "where a default is empty, a condition omits the property",
        "W2509": "the name of a parameter that contains keys, not a key",
        "W8003": "the CDK replaces the parameters that the app sets",
    }

    def test_cdk(self):
        """The app compiles, its stack contains the template's resources, and its own resources refer to them."""
        source, = world.readme_blocks(SECTION, "ts")
        (TOOLS / "app.ts").write_text(source)
        run(TOOLS / "node_modules/.bin/tsc", "--strict", "--skipLibCheck", "--noUnusedLocals", "--target", "es2022",
            "--module", "nodenext", "app.ts", cwd=TOOLS)
        run("node", TOOLS / "app.js", env={"CDK_OUTDIR": str(TOOLS / "out")})
        made = json.loads((TOOLS / "out/signpost.template.json").read_text())["Resources"]
        self.assertLessEqual(set(packaged()["Resources"]), set(made))
        variables = made["Function"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["SIGNPOST_URL_TTL"], {"Fn::Sub": "900s"})
        own = json.dumps([made[name] for name in made if name.startswith(("Reader", "Address"))])
        for reference in '[{"Fn::GetAtt": ["Bucket", "Arn"]}, "/imports/*"]', "https://${Api}.execute-api":
            self.assertIn(reference, own)
        report = json.loads((TOOLS / "out/validation-report.json").read_text())
        warnings = {v["ruleName"]: v["description"] for p in report["pluginReports"] for v in p["violations"]}
        self.assertEqual(set(warnings), set(self.WARNINGS), warnings)

    def test_terraform(self):
        """The file names parameters and outputs of the template, allowed values, and the required capability."""
        source, = world.readme_blocks(SECTION, "hcl")
        parse = "require('@cdktf/hcl2json').parse('main.tf', process.argv[1]).then(p => console.log(JSON.stringify(p)))"
        parsed = json.loads(run("node", "-e", parse, source, env=NODE).stdout)
        made, = parsed["resource"]["aws_cloudformation_stack"]["signpost"]
        template = stack.Template(packaged(), {name: str(value) for name, value in made["parameters"].items()})
        self.assertLessEqual(set(template.parameters), set(template.body["Parameters"]))
        self.assertEqual(template.rejections(), [])
        named = [name for name, r in template.body["Resources"].items()
                 if r["Type"] == "AWS::IAM::Role" and "RoleName" in r["Properties"]]
        self.assertEqual((made["capabilities"], named), (["CAPABILITY_IAM"], []))  # or CAPABILITY_NAMED_IAM
        body = re.fullmatch(r'\$\{file\("(.+)"\)\}', made["template_body"])[1]
        self.assertLessEqual(os.path.getsize(body), 51200)  # CloudFormation's limit for a template that is not in S3
        [[output]] = parsed["output"].values()
        self.assertIn(re.search(r'outputs\["(\w+)"\]', output["value"])[1], template.body["Outputs"])


NODE = {"NODE_PATH": str(TOOLS / "node_modules")}
EVERYTHING = dict(
    KmsKeyArn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0198c5a4", ObjectDays="30", EventBus="default",
    UseSigningRole="true", WebhookUrl="https://hooks.example.com/", WebhookHosts="hooks.example.com",
    WebhookSecretsParameter=KEYS,
    CorsOrigins="https://app.example.com", ReservedConcurrency="5", DomainName="imports.example.com",
    CertificateArn=CERTIFICATE, HostedZoneId="Z012", WebAclArn=WEB_ACL, Accelerate="true", AccessLogBucket="logs",
    TracingMode="Active", AlarmTopic=TOPIC, GatewayLogRole="create")


def findings(*templates):
    """Returns what cdk-nag finds in each template, as a set of (resource, rule). cdk-nag evaluates no conditions."""
    files = [TOOLS / f"{n}.json" for n in range(len(templates))]
    local_path = r'"\.\./\.\./[^"]*"'  # aws cloudformation package replaces it by an object
    for file, template in zip(files, templates):
        file.write_text(re.sub(local_path, "{}", json.dumps(template.without_conditions())))
    printed = run("node", ".ci/aws/nag.cjs", *files, env=NODE).stdout
    return [{tuple(found) for found in json.loads(line)} for line in printed.splitlines()]


class Nag(unittest.TestCase):
    """Any finding that is not listed here with its reason fails, and so does one that no longer occurs."""
    maxDiff = None
    COMMON = {
        # The queue itself receives what failed. cdk-nag recognizes such a queue only by another queue or a
        # DeadLetterConfig of a function, not by a rule or EventInvokeConfig.
        ("Failures", "SQS3"),
        # Keys of objects are only known at run time. Each prefix is the service's own.
        *{("Role", f"IAM5[Resource::<Bucket.Arn>/{prefix}/*]")
          for prefix in ("imports", "jobs", "idem", "outbox", "sweep")},
    }
    REST = {
        # The function validates each request against the contract.
        ("Api", "APIG2"),
        # The access log has the status and the duration of each request. An execution log would also have the path,
        # and for callers without a key, an import's id is a capability.
        ("Stage", "APIG6"),
    }
    # Parameters remove these: they cost money, and name what the stack does not create.
    NO_WEB_ACL = {("Stage", "APIG3")}  # WebAclArn
    NO_ACCESS_LOG = {("Bucket", "S1")}  # AccessLogBucket
    # Parameters add these.
    OPTIONS = {
        ("SigningRole", "IAM5[Resource::<Bucket.Arn>/imports/*]"),  # as of Role
        ("Role", "IAM5[Resource::*]"),  # the actions of X-Ray have no resources
    }
    # API Gateway requires this policy of AWS, whose actions have no narrower resources.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    LOG_ROLE = {("GatewayRole", "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                                "AmazonAPIGatewayPushToCloudWatchLogs]")}

    def test_template(self):
        template = stack.Template.read("cmd/lambda/template.yaml")
        cases = (
            ({}, self.COMMON | self.REST | self.NO_WEB_ACL | self.NO_ACCESS_LOG),
            ({"Front": "http"}, self.COMMON | self.NO_ACCESS_LOG),
            (EVERYTHING, self.COMMON | self.REST | self.OPTIONS | self.LOG_ROLE),
            (EVERYTHING | {"Front": "http", "WebAclArn": ""}, self.COMMON | self.OPTIONS))
        given = [template.with_parameters(parameters) for parameters, _ in cases]
        self.assertEqual([template.rejections() for template in given], [[]] * 4)
        for (parameters, want), got in zip(cases, findings(*given), strict=True):
            self.assertEqual(got, want, parameters)

    def test_direct(self):
        """The smallest system has no access log of the API either (APIG1)."""
        want = self.REST | self.NO_WEB_ACL | self.NO_ACCESS_LOG | {
            ("Role", "IAM5[Resource::<Bucket.Arn>/imports/*]"), ("Stage", "APIG1")}
        self.assertEqual(findings(stack.Template.read("cmd/lambda/direct.yaml")), [want])
