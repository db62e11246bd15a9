import unittest

import world
from world import client, deployment

setUpModule = world.start
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def integration(i):
    return i["type"].upper(), i.get("httpMethod"), i.get("uri")


class ImportRestApi(unittest.TestCase):
    def test_every_method_and_integration_is_imported_and_no_other(self):
        for arguments in (world.KEYED,), ("ANONYMOUS=1",):
            with self.subTest(arguments):
                self.check(deployment(*arguments).spec)

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
