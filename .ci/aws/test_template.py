"""What the parameters of the template do: resources, properties, rejected combinations, and the order of creation."""
import graphlib, json, re, unittest

import stack, world
from world import ACCOUNT, REGION

setUpModule = world.start
TEMPLATE = stack.Template.read("cmd/lambda/template.yaml")
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:pager"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0198c5a4"
WEB_ACL = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/signpost/0198c5a4"
KEYS = "/signpost/webhook-secrets"
ARN = "arn:aws:e2e:::"


def made(**parameters):
    """Returns the resources of a stack with these parameters, with their properties."""
    template = TEMPLATE.with_parameters(parameters)
    assert template.rejections() == [], template.rejections()
    return {name: template.properties(name) for name in template.resources()}


def dependencies(node):
    """Yields the names that node refers to."""
    if isinstance(node, dict):
        for function, given in node.items():
            if function in ("Ref", "Fn::GetAtt", "DependsOn"):
                yield from [given.split(".")[0]] if isinstance(given, str) else given[:1]
            elif function == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", given if isinstance(given, str) else given[0])
            yield from dependencies(given)
    elif isinstance(node, list):
        for item in node:
            yield from dependencies(item)


class Order(unittest.TestCase):
    graph = {name: {n for n in dependencies(r) if n in TEMPLATE.body["Resources"]}
             for name, r in TEMPLATE.body["Resources"].items()}

    def needs(self, name):
        return self.graph[name].union(*map(self.needs, self.graph[name]))

    def test_no_cycle(self):
        order = list(graphlib.TopologicalSorter(self.graph).static_order())
        self.assertEqual(len(order), len(TEMPLATE.body["Resources"]))

    def test_api_account_stage(self):
        """An account that never had an API has no setting of logs; the log of the stage requires that setting."""
        self.assertIn("Api", self.needs("GatewayAccount"))
        self.assertIn("GatewayAccount", self.needs("Stage"))


class Parameters(unittest.TestCase):
    def appear(self, names, **parameters):
        """Checks that the parameters add exactly these resources, and returns all."""
        got = made(**parameters)
        self.assertEqual(sorted(set(got) - set(made())), sorted(names))
        return got

    def rejected(self, text, **parameters):
        self.assertIn(text, " ".join(TEMPLATE.with_parameters(parameters).rejections()))

    def test_front(self):
        rest, http = made(), made(Front="http")
        self.assertEqual(set(rest) - set(http), {"Api", "DeploymentOfSpec", "Stage"})
        self.assertEqual(set(http) - set(rest), {"HttpApi", "HttpStage"})
        self.assertEqual(http["HttpStage"]["StageName"], "$default")
        self.assertEqual(http["HttpStage"]["StageVariables"], rest["Stage"]["Variables"])
        self.assertIn("HttpApi", http["Permission"]["SourceArn"])
        self.assertNotIn("HttpApi", rest["Permission"]["SourceArn"])
        self.assertEqual(set(made(Front="http", GatewayLogRole="create")), set(http))
        self.assertEqual(TEMPLATE.with_parameters({"Front": "http"}).output("Url"),
                         f"https://HttpApi.execute-api.{REGION}.amazonaws.com")
        access = json.loads(http["HttpStage"]["AccessLogSettings"]["Format"])
        self.assertEqual(set(access), set(json.loads(rest["Stage"]["AccessLogSetting"]["Format"])) - {"key_id"})
        self.assertNotIn("path", " ".join(access.values()).lower())

    def test_keys_outlive_a_change_to_no_keys(self):
        """API Gateway does not delete a usage plan that has stages, and another key would be another owner."""
        for other in {"Anonymous": "true"}, {"Front": "http"}:
            self.assertLessEqual({"ApiKey", "UsagePlan", "UsagePlanKey"}, set(made(**other)))
            self.assertNotIn("ApiStages", made(**other)["UsagePlan"])
        self.assertEqual(made()["UsagePlan"]["ApiStages"], [{"ApiId": "Api", "Stage": "Stage"}])

    def test_domain(self):
        domain = {"DomainName": "imports.example.com", "CertificateArn": CERTIFICATE}
        for front, api, stage in ("rest", "Api", "Stage"), ("http", "HttpApi", "HttpStage"):
            got = made(Front=front, **domain)
            self.assertEqual(got["DomainMapping"], {"DomainName": "Domain", "ApiId": api, "Stage": stage})
            self.assertNotIn("DomainRecord", got)
        configuration, = got["Domain"]["DomainNameConfigurations"]
        self.assertEqual(configuration["CertificateArn"], CERTIFICATE)
        self.assertEqual(configuration["SecurityPolicy"], "TLS_1_2")
        record = self.appear(["Domain", "DomainMapping", "DomainRecord"], HostedZoneId="Z012", **domain)["DomainRecord"]
        self.assertEqual((record["Type"], record["HostedZoneId"]), ("A", "Z012"))
        self.assertEqual(TEMPLATE.with_parameters(domain).output("Url"), "https://imports.example.com")
        self.rejected("DomainName requires CertificateArn", DomainName="imports.example.com")
        self.rejected("HostedZoneId requires DomainName", HostedZoneId="Z012")

    def test_web_acl(self):
        got = self.appear(["WebAcl"], WebAclArn=WEB_ACL)["WebAcl"]
        self.assertEqual(got, {"WebACLArn": WEB_ACL,
                               "ResourceArn": f"arn:aws:apigateway:{REGION}::/restapis/Api/stages/Stage"})
        self.rejected("HTTP APIs do not support AWS WAF", WebAclArn=WEB_ACL, Front="http")

    def test_functions_of_rules(self):
        """Rules support no other functions, such as Fn::Join. cfn-lint 1.51 does not check this.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html"""
        used = set(re.findall(r"'(Fn::\w+|Condition)': ", str(TEMPLATE.body["Rules"])))
        self.assertLessEqual({"Fn::Not"}, used)
        self.assertLessEqual(used, {"Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::Equals", "Fn::Not", "Fn::Or"})

    def test_lists_have_no_gaps(self):
        for name, value in ("ContentTypes", "text/csv"), ("CorsOrigins", "https://a.example.com"), ("WebhookHosts", "a"):
            for wrong in f"{value},,{value}", f"{value},", f",{value}":
                self.rejected(f"{name} must not contain an empty value", **{name: wrong, "WebhookSecretsParameter": KEYS})
            for right in "", value, f"{value},{value}":
                made(**{name: right, "WebhookSecretsParameter": KEYS})

    def test_webhooks_are_signed(self):
        self.rejected("WebhookUrl requires WebhookSecretsParameter", WebhookUrl="https://hooks.example.com/")
        self.rejected("WebhookHosts requires WebhookSecretsParameter", WebhookHosts="hooks.example.com")
        made(WebhookHosts="hooks.example.com", WebhookSecretsParameter=KEYS)

    def test_objects_outlive_uploads(self):
        for job, days, allowed in ("1", 1, True), ("3", 2, False), ("14", 13, False), ("14", 14, True), ("30", 29, False):
            rejections = TEMPLATE.with_parameters({"JobTtlDays": job, "ObjectDays": str(days)}).rejections()
            self.assertEqual(rejections == [], allowed, (job, days))

    def test_concurrency_waits_and_warnings(self):
        got = made(ReservedConcurrency="20", LongPolling="true", FailOnWarnings="false")
        self.assertEqual(got["Function"]["ReservedConcurrentExecutions"], "20")
        self.assertNotIn("ReservedConcurrentExecutions", made()["Function"])
        self.assertEqual(got["Function"]["Environment"]["Variables"]["SIGNPOST_LONG_POLLING"], "true")
        self.assertEqual((got["Api"]["FailOnWarnings"], made()["Api"]["FailOnWarnings"]), ("false", "true"))
        self.assertEqual(made(Front="http")["HttpApi"]["FailOnWarnings"], "true")

    def test_tracing(self):
        for mode, on in ("Active", True), ("PassThrough", False):
            got = made(TracingMode=mode)
            self.assertEqual(got["Function"]["TracingConfig"], {"Mode": mode})
            self.assertEqual(got["Stage"]["TracingEnabled"], on)
            self.assertEqual("xray:PutTraceSegments" in str(got["Role"]), on)

    def test_acceleration(self):
        on = {"AccelerationStatus": "Enabled"}
        for value, setting, endpoint in (("true", on, "https://s3-accelerate.amazonaws.com"), ("false", None, None)):
            got = made(Accelerate=value)
            self.assertEqual(got["Bucket"].get("AccelerateConfiguration"), setting)
            self.assertEqual(got["Function"]["Environment"]["Variables"].get("SIGNPOST_PUBLIC_ENDPOINT"), endpoint)

    def test_access_log_of_the_bucket(self):
        self.assertEqual(made(AccessLogBucket="logs")["Bucket"]["LoggingConfiguration"],
                         {"DestinationBucketName": "logs", "LogFilePrefix": world.STACK + "/"})
        self.assertNotIn("LoggingConfiguration", made()["Bucket"])


class Failures(unittest.TestCase):
    def test_everything_that_invokes_the_function_has_a_queue(self):
        got = made()
        rules = [r for name, r in got.items() if TEMPLATE.body["Resources"][name]["Type"] == "AWS::Events::Rule"]
        self.assertEqual(len(rules), 2)
        for target in (target for rule in rules for target in rule["Targets"]):
            self.assertEqual(target["DeadLetterConfig"], {"Arn": ARN + "Failures.Arn"})
        self.assertEqual(got["FailedInvocations"]["DestinationConfig"], {"OnFailure": {"Destination": ARN + "Failures.Arn"}})
        self.assertEqual(got["FailedInvocations"]["Qualifier"], "$LATEST")
        statements = [s for p in got["Role"]["Policies"] for s in p["PolicyDocument"]["Statement"]]
        self.assertIn({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": ARN + "Failures.Arn"}, statements)
        undelivered = got["FailuresPolicy"]["PolicyDocument"]["Statement"][1]
        self.assertEqual(undelivered["Condition"], {"ArnEquals": {"aws:SourceArn": [ARN + "Arrival.Arn", ARN + "Sweep.Arn"]}})

    def alarms(self, **parameters):
        return {name.removesuffix("Alarm"): p for name, p in made(AlarmTopic=TOPIC, **parameters).items()
                if name.endswith("Alarm")}

    def test_alarms(self):
        alarms = self.alarms()
        self.assertEqual(sorted(alarms), ["ApiErrors", "DeadEvents", "Failures", "FunctionErrors", "Latency", "Throttles"])
        for alarm in alarms.values():
            self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), ([TOPIC], [TOPIC]))
            self.assertEqual(alarm["TreatMissingData"], "notBreaching")
        self.assertNotIn("Latency", self.alarms(LongPolling="true"))  # a long poll is slow by design
        self.assertEqual({n for n in made() if n.endswith(("Alarm", "Dashboard", "DeadEvents"))}, set())

    def test_metrics_of_both_fronts(self):
        for front, dimension, value, error, stage in (
            ("rest", "ApiName", world.STACK, "5XXError", "Stage"), ("http", "ApiId", "HttpApi", "5xx", "$default"),
        ):
            want = [{"Name": dimension, "Value": value}, {"Name": "Stage", "Value": stage}]
            alarms = self.alarms(Front=front)
            rate, errors, requests = alarms["ApiErrors"]["Metrics"]
            self.assertEqual(errors["MetricStat"]["Metric"]["MetricName"], error)
            for dimensions in (errors["MetricStat"]["Metric"]["Dimensions"],
                               requests["MetricStat"]["Metric"]["Dimensions"], alarms["Latency"]["Dimensions"]):
                self.assertEqual(dimensions, want)
            dashboard = json.loads(made(AlarmTopic=TOPIC, Front=front)["Dashboard"]["DashboardBody"])
            metrics = [m for widget in dashboard["widgets"] for m in widget["properties"]["metrics"]]
            self.assertIn(["AWS/ApiGateway", error, dimension, value, "Stage", stage], metrics)
            self.assertFalse(re.search(r"\$\{", str(dashboard)))

    def test_dead_events_are_found_in_the_log(self):
        """The filter of the alarm is the message that the service logs."""
        message = re.fullmatch(r'\{ \$\.msg = "(.+)" \}', made(AlarmTopic=TOPIC)["DeadEvents"]["FilterPattern"])[1]
        source = world.pathlib.Path("internal/outbox/deliver.go").read_text()
        self.assertIn(f'log.Error("{message}")', source)
        alarm, = [a for name, a in self.alarms().items() if name == "DeadEvents"]
        transformation, = made(AlarmTopic=TOPIC)["DeadEvents"]["MetricTransformations"]
        self.assertEqual((alarm["Namespace"], alarm["MetricName"]),
                         (transformation["MetricNamespace"], transformation["MetricName"]))
