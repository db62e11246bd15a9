"""The template's bucket and roles, made in moto as CloudFormation would make them."""
import functools, json, re

import world
from world import ACCOUNT, BUCKET, REGION, client

NOTHING = object()  # AWS::NoValue


def long_form(loader, suffix, node):
    """Reads the short form of an intrinsic function, such as !Ref."""
    construct = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}.get(
        node.id, loader.construct_mapping)
    given = construct(node) if node.id == "scalar" else construct(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix: given}


class Template:
    """A template with its parameters. Physical names are constants."""

    @classmethod
    def read(cls, path):
        """Returns the template in a file, with its defaults."""
        class Loader(world.yaml.SafeLoader):
            pass
        Loader.add_multi_constructor("!", long_form)
        with open(path) as file:
            return cls(world.yaml.load(file, Loader), {})

    def __init__(self, body, parameters):
        self.body, self.parameters = body, parameters
        defaults = {name: str(p["Default"]) for name, p in self.body["Parameters"].items()}
        self.values = defaults | parameters | {
            "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::StackName": world.STACK,
            "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": NOTHING,
            "Bucket": BUCKET, "Bucket.Arn": "arn:aws:s3:::" + BUCKET,
            "Role": "signpost-e2e", "Role.Arn": f"arn:aws:iam::{ACCOUNT}:role/signpost-e2e",
            "SigningRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/signpost-e2e-signing"}

    def with_parameters(self, parameters):
        return Template(self.body, self.parameters | parameters)

    def resources(self):
        """Returns the names of the resources whose condition holds."""
        holds = lambda r: "Condition" not in r or self.resolve(self.body["Conditions"][r["Condition"]])
        return [name for name, r in self.body["Resources"].items() if holds(r)]

    def properties(self, resource):
        return self.resolve(self.body["Resources"][resource]["Properties"])

    def output(self, name):
        return self.resolve(self.body["Outputs"][name]["Value"])

    def without_conditions(self):
        """Returns the template with the resources that these parameters create. References to resources remain."""
        def evaluated(node):
            match node:
                case {"Fn::If": [name, yes, no]}:
                    return evaluated(yes if self.resolve(self.body["Conditions"][name]) else no)
                case {"Ref": "AWS::NoValue"}: return NOTHING
                case dict(): return {k: v for k, v in ((k, evaluated(v)) for k, v in node.items()) if v is not NOTHING}
                case list(): return [v for v in map(evaluated, node) if v is not NOTHING]
                case _: return node
        resources = {name: evaluated(self.body["Resources"][name]) for name in self.resources()}
        for resource in resources.values():
            resource.pop("Condition", None)
        kept = {section: self.body[section] for section in ("Parameters", "Mappings") if section in self.body}
        return kept | {"Resources": resources}

    def rejections(self):
        """Returns what CloudFormation says about the parameters: values and rules that do not hold."""
        said = []
        for name, p in self.body["Parameters"].items():
            value = self.values[name]
            for one in value.split(",") if p["Type"] == "CommaDelimitedList" else [value]:
                if ("AllowedValues" in p and value not in map(str, p["AllowedValues"])
                        or not re.fullmatch(p.get("AllowedPattern", ".*"), one)):
                    said.append(f"{name}: {p.get('ConstraintDescription')}")
        for rule in self.body.get("Rules", {}).values():
            if self.resolve(rule.get("RuleCondition", True)):
                said += [a["AssertDescription"] for a in rule["Assertions"] if not self.resolve(a["Assert"])]
        return said

    def value(self, name):
        if self.body["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList":
            return self.values[name].split(",")
        return self.values.get(name, "arn:aws:e2e:::" + name if name.endswith(".Arn") else name)

    def resolve(self, node):
        """Evaluates the intrinsic functions in node."""
        if isinstance(node, list):
            return [v for v in map(self.resolve, node) if v is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, given), = node.items()
            if function in ("Ref", "Condition") or function.startswith("Fn::"):
                return self.call(function, given)
        return {k: v for k, v in ((k, self.resolve(v)) for k, v in node.items()) if v is not NOTHING}

    def call(self, function, given):
        resolve, conditions = self.resolve, self.body.get("Conditions", {})
        match function:
            case "Ref": return self.value(given)
            case "Fn::GetAtt": return self.value(given if isinstance(given, str) else ".".join(given))
            case "Fn::Sub":
                text, local = (given, {}) if isinstance(given, str) else (given[0], resolve(given[1]))
                return re.sub(r"\$\{([\w:.]+)\}", lambda m: local.get(m[1]) or self.value(m[1]), text)
            case "Fn::If": return resolve(given[1] if resolve(conditions[given[0]]) else given[2])
            case "Fn::Equals": return resolve(given[0]) == resolve(given[1])
            case "Fn::Not": return not resolve(given[0])
            case "Fn::Or": return any(resolve(c) for c in given)
            case "Fn::And": return all(resolve(c) for c in given)
            case "Fn::Contains": return resolve(given[1]) in resolve(given[0])
            case "Fn::EachMemberEquals": return set(resolve(given[0])) == {resolve(given[1])}
            case "Fn::Join": return given[0].join(resolve(given[1]))
            case "Fn::FindInMap": return self.body["Mappings"][given[0]][resolve(given[1])][resolve(given[2])]
            case "Condition" if isinstance(given, str): return resolve(conditions[given])
            case "Condition": return {function: resolve(given)}  # of a policy
            case _: raise AssertionError(f"{function} is not supported by this test")


@functools.cache
def template():
    deployed = world.deployment(world.KEYED)
    return Template(world.yaml.safe_load(deployed.template), deployed.parameters)


# To moto, which evaluates no conditions, the bucket's policy denies everything: it is left out.
@functools.cache
def bucket_rules():
    """Creates the bucket, and another one. Returns the lifecycle rules. S3 names some members unlike CloudFormation."""
    s3, bucket = client("s3"), template().properties("Bucket")
    for name in BUCKET, "other":
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    rules = []
    for rule in bucket["LifecycleConfiguration"]["Rules"]:
        made = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule["Prefix"]}}
        if "ExpirationInDays" in rule:
            made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
        if abort := rule.get("AbortIncompleteMultipartUpload"):
            made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(abort["DaysAfterInitiation"])}
        rules.append(made)
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    cors = [{names.get(k, k): v for k, v in rule.items()} for rule in bucket["CorsConfiguration"]["CorsRules"]]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": cors})
    return rules


def create_role(name, role):
    iam = client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))["Role"]
    for policy in role["Policies"]:
        put_policy({"RoleName": name, **policy})
    return made["Arn"]


def put_policy(p):
    client("iam").put_role_policy(
        RoleName=p["RoleName"], PolicyName=p["PolicyName"], PolicyDocument=json.dumps(p["PolicyDocument"]))


@functools.cache
def roles():
    """Creates the function's role and the role that signs uploads. Returns their ARNs."""
    t = template()
    function = create_role("signpost-e2e", t.properties("Role"))
    signing = create_role("signpost-e2e-signing", t.properties("SigningRole"))
    put_policy(t.properties("SigningRoleUse"))
    return function, signing


# moto knows no resources of sts:AssumeRole, so the operator assumes both roles. The tests of cmd/lambda read the
# policy.
@functools.cache
def session(arn):
    """Returns the arguments by which a client acts with a role."""
    c = client("sts").assume_role(RoleArn=arn, RoleSessionName="e2e")["Credentials"]
    return {"aws_access_key_id": c["AccessKeyId"], "aws_secret_access_key": c["SecretAccessKey"],
            "aws_session_token": c["SessionToken"]}


@functools.cache
def service_environment():
    """Returns the function's environment, with its role's credentials, for a process."""
    variables = {k: str(v) for k, v in template().properties("Function")["Environment"]["Variables"].items()}
    return {**variables, **{k.upper(): v for k, v in session(roles()[0]).items()},
            "SIGNPOST_ALLOW_UNSIGNED_HEADERS": "true",  # moto evaluates no presigned URL
            "SIGNPOST_PATH_STYLE": "true", "SIGNPOST_LISTEN": world.API.removeprefix("http://")}
