import json, os, pathlib, re, unittest

import stack, world
from world import ACCOUNT, REGION, client, deployment, make

setUpModule = world.start


def deployment_names(template):
    return re.findall(r"(?m)^  (DeploymentOf[0-9a-f]{12}):$", template)


class Deploy(unittest.TestCase):
    def test_template_is_clean(self):
        world.run("cfn-lint", "cmd/lambda/template.yaml")

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
        self.assertIn("This API requires no key.", deployment("ANONYMOUS=1").printed)
        self.assertNotIn("requires no key", deployment().printed)

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
                        "undeploy"):
            self.assertNotEqual(make(*command.split(), check=False).returncode, 0, command)

    def test_concurrency_is_reserved_only_if_set(self):
        for deployed, want in (deployment(world.KEYED), "20"), (deployment(), None):
            function = stack.Template(deployed.template, deployed.parameters).properties("Function")
            self.assertEqual(function.get("ReservedConcurrentExecutions"), want)

    def test_scripts_are_clean(self):
        """shellcheck is optional, because few distributions install it."""
        if not world.works("shellcheck"):
            self.skipTest("shellcheck is missing")
        world.run("shellcheck", *pathlib.Path("cmd/lambda").glob("*.sh"), ".ci/browser", ".ci/e2e", ".ci/run")


class Readme(unittest.TestCase):
    def test_deploy_and_remove(self):
        def paste(heading):
            world.run("bash", "-euc", world.readme_commands(heading), env={"PATH": world.path()})
            return world.deployed_parameters()
        self.assertEqual(paste("How do I deploy it?"), {"Anonymous": "false", "GatewayLogRole": "create"})
        self.assertEqual(paste("How do I set parameters?"), {
            "Anonymous": "false", "GatewayLogRole": "create", "UrlTtlSeconds": "900", "MaxSize": "1073741824",
            "CorsOrigins": "https://app.example.com"})
        self.assertEqual(paste("How do I deploy it without API keys?")["Anonymous"], "true")
        paste("How do I remove it?")
        self.assertIn("cloudformation delete-stack --stack-name signpost\n", world.DELETED.read_text())

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
            "How do I add it to an API that I have?", "What is direct mode?") + 'echo "api $api"'
        env = {"function": "by-hand", "role": stack.roles()[0]}
        printed = world.run("bash", "-euc", commands, cwd=folder, env=env).stdout
        api = printed.split("api ")[-1].strip()
        statements = json.loads(client("lambda").get_policy(FunctionName="by-hand")["Policy"])["Statement"]
        callers = [s["Condition"]["ArnLike"]["AWS:SourceArn"] for s in statements]
        self.assertEqual(callers, [f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*"] * 2)
