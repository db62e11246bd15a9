import unittest

import world
from world import client, deployment, run

setUpModule = world.start
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def integration(i):
    return i["type"].upper(), i.get("httpMethod"), i.get("uri")


class ImportRestApi(unittest.TestCase):
    def test_every_method_and_integration_is_imported_and_no_other(self):
        for arguments in (world.KEYED,), ("ANONYMOUS=1",):
            with self.subTest(arguments):
                self.check(deployment(*arguments).spec)

    def test_the_copy_for_direct_mode_is_imported(self):
        self.check(run("bin/signpost", "spec", "--direct").stdout)

    def check(self, spec):
        want = {(path, method.upper()): integration(operation["x-amazon-apigateway-integration"])
                for path, operations in world.yaml.safe_load(spec)["paths"].items()
                for method, operation in operations.items() if method in METHODS}
        gateway, got = client("apigateway"), {}
        api = gateway.import_rest_api(failOnWarnings=True, body=spec.encode())["id"]
        for resource in gateway.get_resources(restApiId=api, limit=500)["items"]:
            for method in resource.get("resourceMethods", {}):
                got[resource["path"], method] = integration(
                    gateway.get_integration(restApiId=api, resourceId=resource["id"], httpMethod=method))
        self.assertTrue(want)
        self.assertEqual(got, want)


class ImportHttpApi(unittest.TestCase):
    def test_every_route_is_imported_with_its_integration(self):
        spec = run("bin/signpost", "spec", "--http-api", "--issuer", "https://issuer.example.com",
                   "--audience", "uploads", "--function", "signpost").stdout
        want = {f"{method.upper()} {path}": operation["x-amazon-apigateway-integration"]
                for path, operations in world.yaml.safe_load(spec)["paths"].items()
                for method, operation in operations.items()}
        gateway, got = client("apigatewayv2"), {}
        api = gateway.create_api(Name="uploads", ProtocolType="HTTP")["ApiId"]
        gateway.reimport_api(ApiId=api, Body=spec)  # moto warns of each schema: it imports none
        for route in gateway.get_routes(ApiId=api)["Items"]:
            integration_id = route["Target"].rsplit("/")[-1]
            integration = gateway.get_integration(ApiId=api, IntegrationId=integration_id)
            got[route["RouteKey"]] = {
                "type": integration["IntegrationType"], "httpMethod": integration["IntegrationMethod"],
                "uri": integration["IntegrationUri"], "payloadFormatVersion": integration["PayloadFormatVersion"]}
        self.assertTrue(want)
        self.assertEqual(got, want)
