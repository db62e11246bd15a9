import json, os, pathlib, re, unittest

import stack, world
from world import ACCOUNT, REGION, client, deployment, make

setUpModule = world.start
DEFAULTS = {"Front": "rest", "Anonymous": "false", "GatewayLogRole": "create"}


def deployment_names(template):
    return re.findall(r"(?m)^  (DeploymentOf[0-9a-f]{12}):$", template)


class Deploy(unittest.TestCase):
    def test_templates_are_clean(self):
        world.run("cfn-lint", "cmd/lambda/template.yaml", "cmd/lambda/direct.yaml")

    def test_parameters(self):
        passed = deployment(world.KEYED).parameters
        self.assertEqual(passed["Anonymous"], "false")
        self.assertEqual(passed["GatewayLogRole"], "create")  # moto has no such role
        self.assertEqual(passed["ObjectDays"], "30")
        self.assertEqual(deployment().parameters["Anonymous"], "false")
        self.assertEqual(deployment("ANONYMOUS=1").parameters["Anonymous"], "true")

    def test_same_sources_are_packaged_alike_and_another_spec_has_another_deployment(self):
        keyed, again, anonymous = deployment(world.KEYED), deployment(), deployment("ANONYMOUS=1")
        self.assertEqual(keyed.template, again.template)
        self.assertEqual(len(deployment_names(keyed.template)), 1)
        self.assertNotEqual(deployment_names(keyed.template), deployment_names(anonymous.template))
        self.assertIn("ApiKey", keyed.spec)
        self.assertNotIn("ApiKey", anonymous.spec)

    def test_anonymous_warns(self):
        self.assertIn("This API requires no key or token.", deployment("ANONYMOUS=1").printed)
        self.assertNotIn("requires no key", deployment().printed)

    def test_a_stack_that_cannot_be_created_is_deleted_and_explained(self):
        """Such a stack cannot be deployed again. A role that was just created is refused for some seconds."""
        role, limit = "does not have permissions to call SendMessage", "You have reached the limit of buckets"
        for name, deploys, status, says in (
            ("refused-once", 2, 0, role), ("refused-twice", 2, 2, role), ("refused-always", 1, 2, limit),
        ):
            world.DELETED.write_text("")
            done = make("deploy", f"STACK={name}", "ARTIFACTS=artifacts", check=False)
            failures = deploys - (status == 0)
            self.assertEqual((done.returncode, done.stderr.count(says)), (status, failures), done.stderr)
            self.assertEqual(done.stderr.count(f"The empty stack {name} is deleted.\n"), failures, done.stderr)
            failure = ["deploy", f"cloudformation delete-stack --stack-name {name}",
                       f"cloudformation wait stack-delete-complete --stack-name {name}"]
            calls = world.DELETED.read_text().splitlines()
            self.assertEqual(calls, failure * failures + ["deploy"] * (status == 0))

    def test_rejected_parameters_are_the_only_error(self):
        done = make("deploy", "STACK=rejected", "ARTIFACTS=artifacts", check=False)
        self.assertRegex(done.stderr, r"Parameter ObjectDays failed\nmake: .+\n\Z")

    def test_role_of_the_region_is_not_replaced_if_it_cannot_be_read(self):
        world.DEPLOYED.unlink(missing_ok=True)
        done = world.run("make", "deploy", "STACK=a", "ARTIFACTS=artifacts", check=False, env={
            "PATH": world.path(), "AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL_API_GATEWAY": "http://127.0.0.1:1"})
        self.assertEqual((done.returncode, world.DEPLOYED.exists()), (2, False), done.stderr)
        self.assertIn("Could not connect", done.stderr)

    def test_http_api(self):
        """FRONT=http needs an issuer and an audience, or ANONYMOUS=1. Both fronts use one template."""
        token = "FRONT=http", "ISSUER=https://issuer.example.com", "AUDIENCE=uploads"
        deployed = deployment(*token)
        self.assertEqual(deployed.parameters["Front"], "http")
        self.assertIn("issuer: https://issuer.example.com", deployed.spec)
        self.assertIn("$token is an access token of https://issuer.example.com for uploads.", deployed.printed)
        body, = set(re.findall(r"(?s)BodyS3Location:\n +Bucket: (\S+)\n +Key: (\S+)", deployed.template))
        uploaded = client("s3").get_object(Bucket=body[0], Key=body[1])["Body"].read().decode()
        self.assertEqual(uploaded, deployed.spec)
        self.assertNotIn("Token", deployment("FRONT=http", "ANONYMOUS=1").spec)
        for wrong, says in (token[:1], "requires ISSUER and AUDIENCE"), (token[1:], "require FRONT=http"):
            done = make("deploy", "STACK=a", "ARTIFACTS=artifacts", *wrong, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(says, done.stderr)

    def test_undeploy_prints_what_it_keeps(self):
        printed = make("undeploy", f"STACK={world.STACK}").stdout
        self.assertRegex(printed, f"(?m)^  aws s3 rb --force s3://{world.BUCKET}$")
        self.assertIn(f"cloudformation delete-stack --stack-name {world.STACK}\n", world.DELETED.read_text())

    def test_undeploy_without_outputs_deletes_nothing(self):
        done = make("undeploy", "STACK=without-outputs", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("The stack without-outputs has no output Bucket", done.stderr)
        self.assertNotIn("None", done.stdout + done.stderr)
        self.assertFalse(world.DELETED.exists() and "without-outputs" in world.DELETED.read_text())

    def test_wrong_use(self):
        for command in ("deploy STACK=e2e", "deploy ARTIFACTS=artifacts", "deploy STACK=a ARTIFACTS=b ANONYMOUS=yes",
                        "deploy STACK=a ARTIFACTS=b FRONT=soap",
                        "undeploy"):
            self.assertNotEqual(make(*command.split(), check=False).returncode, 0, command)

    def test_scripts_are_clean(self):
        """shellcheck is optional, because few distributions install it."""
        if not world.works("shellcheck"):
            self.skipTest("shellcheck is missing")
        world.run("shellcheck", *pathlib.Path("cmd/lambda").glob("*.sh"), ".ci/browser", ".ci/e2e", ".ci/function",
                  ".ci/install", ".ci/large", ".ci/parts", ".ci/run")


class Readme(unittest.TestCase):
    def test_deploy_and_remove(self):
        def paste(heading):
            world.run("bash", "-euc", world.readme_commands(heading), env={"PATH": world.path()})
            return world.deployed_parameters()
        self.assertEqual(paste("How do I deploy it?"), DEFAULTS)
        self.assertEqual(paste("How do I set parameters?"), {
            **DEFAULTS, "UrlTtlSeconds": "900", "MaxSize": "1073741824",
            "CorsOrigins": "https://app.example.com"})
        self.assertEqual(paste("How do I deploy it without API keys?")["Anonymous"], "true")
        paste("How do I remove it?")
        self.assertIn("cloudformation delete-stack --stack-name signpost\n", world.DELETED.read_text())

    def test_http_api(self):
        commands = world.readme_commands("How do I use it with an HTTP API?").split("bin/signpost")[0]
        env = {"PATH": world.path(), "issuer": "https://issuer.example.com", "audience": "uploads"}
        world.run("bash", "-euc", commands, env=env)
        self.assertEqual(world.deployed_parameters(), {**DEFAULTS, "Front": "http"})

    def test_direct_mode(self):
        """The commands deploy a function that may only put objects, behind an API that every client can call."""
        world.run("bash", "-euo", "pipefail", "-c", world.readme_commands("What is direct mode?"), env={"PATH": world.path()})
        world.run("cfn-lint", "bin/direct.yaml")
        template = stack.Template(world.yaml.safe_load(pathlib.Path("bin/direct.yaml").read_text()), {})
        variables = template.properties("Function")["Environment"]["Variables"]
        self.assertEqual((variables["SIGNPOST_LAMBDA_EVENTS"], variables["SIGNPOST_URL_TTL"]), ("direct", "3600s"))
        actions = [s["Action"] for p in template.properties("Role")["Policies"] for s in p["PolicyDocument"]["Statement"]]
        self.assertEqual(actions, ["s3:PutObject", ["logs:CreateLogStream", "logs:PutLogEvents"]])
        body = template.properties("Api")["BodyS3Location"]
        spec = client("s3").get_object(Bucket=body["Bucket"], Key=body["Key"])["Body"].read().decode()
        self.assertEqual(list(world.yaml.safe_load(spec)["paths"]), ["/import"])

    def test_webhook_keys(self):
        """The commands create, change and print keys. No key is an argument of a command or in a deployed file."""
        commands = world.readme_commands("How do I sign webhook deliveries?")
        printed = world.run("bash", "-euo", "pipefail", "-c", commands, env={"PATH": world.path()}).stdout
        self.assertEqual(world.deployed_parameters()["WebhookSecretsParameter"], "/signpost/webhook-secrets")
        self.assertEqual(len(re.findall(r"(?m)^whsec_[A-Za-z0-9+/]{43}=$", printed)), 2)
        parameter = client("ssm").get_parameter(Name="/signpost/webhook-secrets", WithDecryption=True)["Parameter"]
        keys = parameter["Value"].split()
        self.assertEqual(len(keys), 2)
        deployed = [p.read_bytes() for p in pathlib.Path("bin/deploy").rglob("*") if p.is_file()]
        for key in keys:
            for content in [world.DEPLOYED.read_bytes(), printed.encode(), *deployed]:
                self.assertNotIn(key.removeprefix("whsec_").encode(), content)

    def test_import_by_hand_and_into_another_api(self):
        deployment()
        folder = world.WORK / "pasted"
        folder.mkdir()
        for name in "bin", "openapi":
            os.symlink(os.path.abspath(name), folder / name)
        commands = world.readme_commands(
            "How do I create the function without the stack?", "How do I import the contract by hand?",
            "How do I add it to an API that I have?", "How do I use a function URL?",
            "How do I use a load balancer?") + 'echo "api $api"'
        env = {"function": "by-hand", "role": stack.roles()[0], "listener": self.listener()}
        printed = world.run("bash", "-euc", commands, cwd=folder, env=env).stdout
        api = printed.split("api ")[-1].strip()
        balancer, functions = client("elbv2"), client("lambda")
        actions = balancer.describe_rules(ListenerArn=env["listener"])["Rules"][0]["Actions"]
        group = actions[0]["TargetGroupArn"]
        attributes = balancer.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
        self.assertIn({"Key": "lambda.multi_value_headers.enabled", "Value": "true"}, attributes)
        targets = balancer.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        function = functions.get_function_configuration(FunctionName="by-hand")["FunctionArn"]
        self.assertEqual([t["Target"]["Id"] for t in targets], [function])
        statements = json.loads(functions.get_policy(FunctionName="by-hand")["Policy"])["Statement"]
        callers = [s["Condition"]["ArnLike"]["AWS:SourceArn"] for s in statements]
        self.assertEqual(callers, [f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*"] * 2 + [group])
        self.assertEqual(functions.get_function_url_config(FunctionName="by-hand")["AuthType"], "AWS_IAM")

    def listener(self):
        """Returns the ARN of a listener of a load balancer."""
        subnets = [s["SubnetId"] for s in client("ec2").describe_subnets()["Subnets"][:2]]
        balancer = client("elbv2")
        arn = balancer.create_load_balancer(Name="e2e", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
        refuse = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        made = balancer.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[refuse])
        return made["Listeners"][0]["ListenerArn"]
