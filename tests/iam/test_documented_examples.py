"""The examples of AWS's documentation, with the answers that it gives.

Each row names its page: https://docs.aws.amazon.com/IAM/latest/UserGuide/<page>.html, or the page in full.
Documents are shortened to what the example is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from xacct_kit.iam import Request, decide

BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
SESSION = "arn:aws:sts::111122223333:assumed-role/Example/run-1"

OPERATORS = "reference_policies_elements_condition_operators"
CONDITION = "reference_policies_elements_condition"
SEVERAL_KEYS = "reference_policies_condition-logic-multiple-context-keys-or-values"
SEVERAL_VALUES = "reference_policies_condition-single-vs-multi-valued-context-keys"
SINGLE_VALUED = "reference_policies_condition_examples-single-valued-context-keys"
MULTIVALUED = "reference_policies_condition_examples-multi-valued-context-keys"
OLDER_MULTIVALUED = "reference_policies_multi-value-conditions"
VARIABLES = "reference_policies_variables"
RESOURCE = "reference_policies_elements_resource"
NOT_ACTION = "reference_policies_elements_notaction"
NOT_RESOURCE = "reference_policies_elements_notresource"
PRINCIPAL = "reference_policies_elements_principal"
NOT_PRINCIPAL = "reference_policies_elements_notprincipal"
IDENTIFIERS = "reference_identifiers"
ONE_ACCOUNT = "reference_policies_evaluation-logic_policy-eval-basics"
ACROSS = "reference_policies_evaluation-logic-cross-account"
DENIES = "reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay"
BOUNDARIES = "access_policies_boundaries"
IDENTITY_OR_RESOURCE = "access_policies_identity-vs-resource"
ASSUMING = "id_credentials_temp_control-access_assumerole"
FEDERATING = "id_credentials_temp_control-access_getfederationtoken"
SWITCHING = "tutorial_cross-account-with-roles"
ACCESS_DENIED = "troubleshoot_access-denied"
POLICY_TROUBLE = "troubleshoot_policies"
SCPS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str | list[str] = "*", **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def deny(action: str | list[str], resource: str | list[str] = "*", **elements: Any) -> dict[str, Any]:
    return allow(action, resource, **elements) | {"Effect": "Deny"}


# Conditions. "Match" in AWS's tables: the condition holds. Left out, as they contradict what the same pages
# define: the table of `aws:ResourceOrgPaths` and the row of a distribution `admin`, both in OPERATORS.

JOB = {"StringEquals": {"aws:PrincipalTag/job-category": "iamuser-admin"}}
HOME = {"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/"]}}
TAG_INSTANCE = {
    "StringEqualsIgnoreCase": {"aws:RequestTag/environment": ["preprod", "storage"]},
    "ForAnyValue:StringEquals": {"aws:TagKeys": "environment"},
}
TOPIC = "arn:aws:sns:us-west-2:123456789012:TOPIC-ID"
DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution"
DISTRIBUTIONS = {
    "ForAllValues:ArnLike": {
        "logs:LogGeneratingResourceArns": [f"{DISTRIBUTION}/*", f"{DISTRIBUTION}/support*"]
    }
}
STORE = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
FINANCE = "arn:aws:someservice:*:111122223333:finance/*"
TYPES = {"StringLikeIfExists": {"ec2:InstanceType": ["t1.*", "t2.*", "m3.*"]}}
ADDRESSES = {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}}
BINARY = {"BinaryEquals": {"svc:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}
PEOPLE = ["arn:aws:iam::222222222222:user/Ana", "arn:aws:iam::222222222222:user/Mary"]
NIKKI = "arn:aws:iam::222222222222:user/Nikki"
TAGGED = {
    "StringEquals": {
        "aws:PrincipalTag/department": ["finance", "hr", "legal"],
        "aws:PrincipalTag/role": ["audit", "security"],
    }
}
NAMED = TAGGED | {"ArnLike": {"aws:PrincipalArn": PEOPLE}}
NOT_NAMED = TAGGED | {"ArnNotLike": {"aws:PrincipalArn": PEOPLE}}


def tagged(arn: str, department: str | None, role: str | None) -> dict[str, Any]:
    tags = {"aws:PrincipalTag/department": department, "aws:PrincipalTag/role": role}
    return tags | {"aws:PrincipalArn": arn}


KEY_1 = {"ForAllValues:StringNotLike": {"aws:TagKeys": "key1*"}}
KEY_1_OR_2 = {"ForAllValues:StringNotLike": {"aws:TagKeys": ["key1*", "key2*"]}}
WEBSERVER = {"ForAnyValue:StringEquals": {"aws:TagKeys": "webserver"}}
TAG_KEYS = {"aws:TagKeys": ["environment", "cost-center"]}
ONLY_THESE = {"ForAllValues:StringEquals": TAG_KEYS, "Null": {"aws:TagKeys": "false"}}
ANY_OF_THESE = {"ForAnyValue:StringEquals": TAG_KEYS}
CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster"
RUN_TASK = {
    "StringEquals": {"aws:RequestTag/environment": ["production", "prod-backup"]},
    "ArnEquals": {"ecs:cluster": [f"{CLUSTER}/default1", f"{CLUSTER}/default2"]},
}
ATTRIBUTES = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["ID", "Message", "Tags"]}}
OTHER_ATTRIBUTES = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["PostDateTime", "Message", "Tags"]}}
FORBIDDEN = {"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["ID", "PostDateTime"]}}
OWNER = {"StringEquals": {"s3:ExistingObjectTag/owner": "${aws:PrincipalTag/owner}"}}
TEAM = {"StringNotEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}}
COST_CENTER = {"StringLike": {"iam:ResourceTag/costCenter": ["12345", "67890"]}}
PREFIX_AND_VERSION = {"StringEquals": {"s3:prefix": ["custom"], "s3:VersionId": ["1234"]}}


def keys(*values: str) -> dict[str, Any]:
    return {"aws:TagKeys": list(values)}


def attributes(*values: str) -> dict[str, Any]:
    return {"dynamodb:Attributes": list(values)}


# page, condition, the contexts that match it, the contexts that do not
CONDITIONS: list[tuple[str, dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = [
    (
        OPERATORS,
        JOB,
        [{"aws:PrincipalTag/job-category": "iamuser-admin"}],
        [{"aws:PrincipalTag/job-category": "dev-ops"}, {}],
    ),
    (
        OPERATORS,
        HOME,
        [
            {"s3:prefix": ""},
            {"s3:prefix": "home/"},
            {"s3:prefix": "home/martha_rivera/", "aws:username": "martha_rivera"},
            {"s3:prefix": "home/nikki_wolf/", "aws:username": "nikki_wolf"},
        ],
        [
            {"s3:prefix": "home/martha_rivera/", "aws:username": "nikki_wolf"},
            {"s3:prefix": "home/martha_rivera/"},
        ],
    ),
    (
        OPERATORS,
        TAG_INSTANCE,
        [
            {"aws:TagKeys": ["environment"], "aws:RequestTag/environment": "preprod"},
            {"aws:TagKeys": ["environment", "costcenter"], "aws:RequestTag/environment": "PreProd"},
        ],
        [
            {"aws:TagKeys": ["Environment"], "aws:RequestTag/Environment": "preprod"},
            {"aws:TagKeys": ["costcenter"], "aws:RequestTag/environment": "preprod"},
            {"aws:RequestTag/environment": "storage"},
            {"aws:TagKeys": ["environment"]},
            {},
        ],
    ),
    (
        OPERATORS,
        {"NumericLessThanEquals": {"s3:max-keys": "10"}},
        [{"s3:max-keys": 10}, {"s3:max-keys": "1"}],
        [{"s3:max-keys": 11}, {}],
    ),
    (
        OPERATORS,
        {"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:01Z"}},
        [{"aws:TokenIssueTime": "2020-01-01T00:00:02Z"}],
        [{"aws:TokenIssueTime": "2019-12-31T23:59:59Z"}, {}],
    ),
    (
        OPERATORS,
        {"Bool": {"aws:SecureTransport": "false"}},
        [{"aws:SecureTransport": "false"}],
        [{"aws:SecureTransport": "true"}, {}],
    ),
    (
        OPERATORS,
        BINARY,
        [{"svc:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}],
        [{"svc:key": "ASIAIOSFODNN7EXAMPLE"}, {}],
    ),
    (
        OPERATORS,
        ADDRESSES,
        [{"aws:SourceIp": "203.0.113.1"}, {"aws:SourceIp": "2001:db8:1234:5678::1"}],
        [{"aws:SourceIp": "198.51.100.1"}, {"aws:SourceIp": "2001:db8:1234:5679::1"}, {}],
    ),
    (
        OPERATORS,
        {"ArnEquals": {"aws:SourceArn": TOPIC}},
        [{"aws:SourceArn": TOPIC}],
        [{"aws:SourceArn": TOPIC.replace("123456789012", "777788889999")}, {}],
    ),
    (
        OPERATORS,
        DISTRIBUTIONS,
        [
            {"logs:LogGeneratingResourceArns": [f"{DISTRIBUTION}/costcenter"]},
            {"logs:LogGeneratingResourceArns": [f"{DISTRIBUTION}/costcenter", f"{DISTRIBUTION}/support2025"]},
            {},
        ],
        [
            {"logs:LogGeneratingResourceArns": ["arn:aws:cloudfront::777788889999:distribution/costcenter"]},
        ],
    ),
    (OPERATORS, {"StringLike": {"aws:SourceArn": FINANCE}}, [{"aws:SourceArn": STORE}], []),
    (OPERATORS, {"ArnLike": {"aws:SourceArn": FINANCE}}, [], [{"aws:SourceArn": STORE}]),
    (OPERATORS, TYPES, [{"ec2:InstanceType": "t1.micro"}, {}], [{"ec2:InstanceType": "m2.micro"}]),
    (
        OPERATORS,
        {"Null": {"aws:TokenIssueTime": "false"}},
        [{"aws:TokenIssueTime": "2020-01-01T00:00:01Z"}],
        [{}],
    ),
    (
        CONDITION,
        {"StringEquals": {"aws:username": "johndoe"}},
        [{"aws:username": "johndoe"}, {"AWS:UserName": "johndoe"}],
        [{"aws:username": "JohnDoe"}],
    ),
    (
        CONDITION,
        {"StringEqualsIgnoreCase": {"aws:username": "johndoe"}},
        [{"aws:username": "johndoe"}, {"aws:username": "JohnDoe"}],
        [{"aws:username": "janedoe"}],
    ),
    (
        CONDITION,
        {"NumericLessThanEquals": {"aws:MultiFactorAuthAge": "3600"}},
        [{"aws:MultiFactorAuthAge": 3600}, {"aws:MultiFactorAuthAge": 10}],
        [{"aws:MultiFactorAuthAge": 3601}, {}],
    ),
    (
        CONDITION,
        {"StringEquals": {"aws:ResourceTag/TagKey1": "Value1"}},
        [{"aws:ResourceTag/TagKey1": "Value1"}, {"aws:ResourceTag/tagkey1": "Value1"}],
        [{"aws:ResourceTag/TagKey1": "value1"}],
    ),
    (
        SEVERAL_KEYS,
        NAMED,
        [tagged(PEOPLE[1], "legal", "audit")],
        [
            tagged(NIKKI, "hr", "audit"),
            tagged(PEOPLE[1], "hr", "payroll"),
            tagged(PEOPLE[1], "hr", None),
            tagged(PEOPLE[1], None, None),
        ],
    ),
    (
        SEVERAL_KEYS,
        NOT_NAMED,
        [tagged(NIKKI, "legal", "audit")],
        [
            tagged(PEOPLE[1], "hr", "audit"),
            tagged(NIKKI, "hr", "payroll"),
            tagged(NIKKI, "hr", None),
            tagged(NIKKI, None, None),
        ],
    ),
    (MULTIVALUED, KEY_1, [keys("key2:audit"), {}], [keys("key1:legal"), keys("key1:hr", "key1:personnel")]),
    (
        MULTIVALUED,
        KEY_1_OR_2,
        [keys("key3:legal"), {}],
        [keys("key1:legal"), keys("key1:hr", "key1:personnel"), keys("key1:hr", "key2:audit")],
    ),
    (
        MULTIVALUED,
        WEBSERVER,
        [keys("webserver"), keys("environment", "webserver", "test")],
        [keys("environment", "test"), {}],
    ),
    (
        SEVERAL_VALUES,
        ONLY_THESE,
        [keys("environment"), keys("cost-center"), keys("environment", "cost-center")],
        [keys("environment", "dept"), {}],
    ),
    (
        SEVERAL_VALUES,
        ANY_OF_THESE,
        [
            keys("environment"),
            keys("cost-center"),
            keys("environment", "cost-center"),
            keys("environment", "dept"),
        ],
        [keys("dept"), {}],
    ),
    (
        SINGLE_VALUED,
        RUN_TASK,
        [
            {"aws:RequestTag/environment": "production", "ecs:cluster": f"{CLUSTER}/default1"},
            {"aws:RequestTag/environment": "prod-backup", "ecs:cluster": f"{CLUSTER}/default2"},
        ],
        [
            {"aws:RequestTag/webserver": "production", "ecs:cluster": f"{CLUSTER}/default2"},
            {"ecs:cluster": f"{CLUSTER}/default2"},
        ],
    ),
    (
        OLDER_MULTIVALUED,
        ATTRIBUTES,
        [attributes("ID", "Message", "Tags"), attributes("Message", "Tags"), attributes()],
        [attributes("ID", "Message", "Tags", "UserName")],
    ),
    (OLDER_MULTIVALUED, OTHER_ATTRIBUTES, [], [attributes("PostDateTime", "UserName")]),
    (
        OLDER_MULTIVALUED,
        FORBIDDEN,
        [attributes("PostDateTime", "Message"), attributes("UserName", "Message", "PostDateTime")],
        [attributes("UserName"), attributes()],
    ),
    (
        VARIABLES,
        OWNER,
        [{"s3:ExistingObjectTag/owner": "ada", "aws:PrincipalTag/owner": "ada"}],
        [
            {"s3:ExistingObjectTag/owner": "ada", "aws:PrincipalTag/owner": "bob"},
            {"s3:ExistingObjectTag/owner": "ada"},
            {"aws:PrincipalTag/owner": "ada"},
            {},
        ],
    ),
    (
        VARIABLES,
        TEAM,
        [
            {"s3:ExistingObjectTag/Team": "red"},
            {"s3:ExistingObjectTag/Team": "red", "aws:PrincipalTag/Team": "blue"},
        ],
        [{"s3:ExistingObjectTag/Team": "red", "aws:principaltag/Team": "red"}],
    ),
    (
        VARIABLES,
        COST_CENTER,
        [{"iam:ResourceTag/costCenter": "12345"}, {"iam:ResourceTag/costCenter": "67890"}],
        [{"iam:ResourceTag/costCenter": ""}, {"iam:ResourceTag/costCenter": "1"}, {}],
    ),
    (POLICY_TROUBLE, PREFIX_AND_VERSION, [], [{"s3:prefix": "custom"}, {"s3:VersionId": "1234"}]),
]


def conditions() -> Iterator[Any]:
    for page, condition, matching, others in CONDITIONS:
        for context in [*matching, *others]:
            title = f"{page}: {' '.join(condition)} of {context}"
            yield pytest.param(condition, context, context in matching, id=title)


@pytest.mark.parametrize(("condition", "context", "matches"), [*conditions()])
def test_a_documented_condition(condition: dict[str, Any], context: dict[str, Any], matches: bool) -> None:
    policy = document(allow("*", Condition=condition))
    request = Request(principal=SESSION, action="s3:GetObject", resource="*", context=context)
    assert decide(request, identity=[policy]).allowed is matches


# Decisions. A policy allows, denies (explicitly) or is silent (an implicit deny).


def user(name: str, account: str = "111122223333") -> str:
    return f"arn:aws:iam::{account}:user/{name}"


MAY, NOT, OTHER = document(allow("*")), document(deny("*")), document(allow("ec2:*"))

CARLOS, CARLOS_NAME = user("carlossalazar"), "arn:aws:s3:::carlossalazar"
OWN_BUCKET = [f"{CARLOS_NAME}/*", CARLOS_NAME]
CARLOS_POLICIES = {
    "identity": [
        document(
            allow(["s3:GetBucketLocation", "s3:ListAccessPoints", "s3:ListAllMyBuckets"], "arn:aws:s3:::*"),
            allow("s3:*", OWN_BUCKET),
            deny("s3:*", "arn:aws:s3:::*log*"),
        )
    ]
}
CARLOS_RESOURCE = {"resource_policy": document(allow("s3:*", OWN_BUCKET, Principal={"AWS": CARLOS}))}
CARLOS_BOTH = CARLOS_POLICIES | CARLOS_RESOURCE

CARLOS_THERE, PRODUCTION = user("carlossalazar", "111111111111"), "arn:aws:s3:::Production"
CARLOS_ACROSS = [
    document(
        allow("s3:ListAllMyBuckets"),
        allow("s3:*Object*", f"{PRODUCTION}/*"),
        allow("s3:PutBucketPolicy", PRODUCTION),
        deny("s3:*", ["arn:aws:s3:::*log*", "arn:aws:s3:::*log*/*"]),
    )
]
UNSHARED = {"identity": CARLOS_ACROSS, "resource_account": "222222222222"}
SHARED = UNSHARED | {
    "resource_policy": document(
        allow(["s3:GetObject*", "s3:PutObject*"], f"{PRODUCTION}/*", Principal={"AWS": CARLOS_THERE})
    )
}

IAM_READER = {"identity": [document(allow(["iam:Get*", "iam:List*"]), deny("iam:*Report"))]}
IAM_REPORTER = {"identity": [*IAM_READER["identity"], document(allow("iam:GenerateCredentialReport"))]}

Y, Z = "arn:aws:sqs:us-east-2:123456789012:ResourceY", "arn:aws:sqs:us-east-2:123456789012:ResourceZ"
CARLOS_SALAZAR, ZHANG_WEI = user("CarlosSalazar", "123456789012"), user("ZhangWei", "123456789012")
OF_Y = document(
    allow("sqs:SendMessage", Y, Principal={"AWS": CARLOS_SALAZAR}),
    allow("sqs:ReceiveMessage", Y, Principal={"AWS": ZHANG_WEI}),
)
OF_Z = document(
    deny("sqs:*", Z, Principal={"AWS": CARLOS_SALAZAR}), allow("sqs:*", Z, Principal={"AWS": ZHANG_WEI})
)
CARLOS_AT_Y = {"identity": [document(allow("sqs:ReceiveMessage", [Y, Z]))], "resource_policy": OF_Y}
CARLOS_AT_Z = CARLOS_AT_Y | {"resource_policy": OF_Z}

SHIRLEY = {
    "identity": [document(allow("iam:CreateUser"))],
    "boundary": document(allow(["s3:*", "cloudwatch:*", "ec2:*"])),
}
XCOMPANY, COMPANY = "123456789012", "arn:aws:iam::123456789012:policy/XCompanyBoundaries"
NIKHIL, ZHANG, MARIA = user("Nikhil", XCOMPANY), user("Zhang", XCOMPANY), user("Maria", XCOMPANY)
LOGS, SECRET = "arn:aws:s3:::logs", "arn:aws:secretsmanager:us-east-1:123456789012:secret:example"
NIKHIL_POLICIES = {
    "identity": [document(allow("iam:*")), document(allow(["s3:Get*", "s3:List*"]))],
    "boundary": document(
        allow(["s3:*", "cloudwatch:*", "ec2:*", "dynamodb:*"]),
        allow(["iam:ListUsers", "iam:GetAccountPasswordPolicy"]),
        allow(["iam:*AccessKey*", "iam:ChangePassword"], "arn:aws:iam::*:user/${aws:username}"),
        deny("s3:*", [LOGS, f"{LOGS}/*"]),
        deny("ec2:*", "arn:aws:ec2:*:*:instance/i-1234567890abcdef0"),
    ),
}
NIKHIL_AT_LOGS = NIKHIL_POLICIES | {
    "resource_policy": document(allow("s3:PutObject", f"{LOGS}/*", Principal={"AWS": NIKHIL}))
}
NIKHIL_AT_SECRET = NIKHIL_POLICIES | {
    "resource_policy": document(allow("secretsmanager:GetSecretValue", Principal={"AWS": NIKHIL}))
}
BOUNDED = {"iam:PermissionsBoundary": COMPANY}
OTHER_TASKS = ["cloudwatch:*", "iam:CreateAccessKey", "iam:UpdateLoginProfile"]
ZHANG_POLICIES = {
    "identity": [document(allow("iam:*"), allow("s3:ListBucket", "arn:aws:s3:::ZhangBucket"))],
    "boundary": document(
        allow(["iam:CreateUser", "iam:PutUserPolicy"], Condition={"StringEquals": BOUNDED}),
        {"Effect": "Allow", "Action": OTHER_TASKS, "NotResource": MARIA},
        deny(["iam:CreatePolicyVersion", "iam:DeletePolicy"], COMPANY),
        deny("iam:DeleteUserPermissionsBoundary"),
    ),
}

APP, OBJECTS = "arn:aws:s3:::productionapp", "arn:aws:s3:::productionapp/*"
READING_AND_WRITING = ["s3:GetObject", "s3:PutObject"]
CHANGING = [*READING_AND_WRITING, "s3:DeleteObject"]
APP_ROLE = [document(allow("s3:ListBucket", APP), allow(CHANGING, OBJECTS))]
APP_SESSION = {
    "identity": APP_ROLE,
    "session": document(allow("s3:ListBucket", APP), allow(READING_AND_WRITING, OBJECTS)),
}
APP_KEPT = {
    "identity": APP_ROLE,
    "resource_policy": document(deny("s3:DeleteObject", OBJECTS, Principal={"AWS": "*"})),
}

CAROL = "arn:aws:sts::111122223333:federated-user/Carol"
TOKEN_APP = [
    document(
        allow("sts:GetFederationToken"),
        allow(["dynamodb:ListTables", "sqs:ReceiveMessage", "s3:ListBucket", "sns:ListSubscriptions"]),
    )
]
FEDERATED = {
    "identity": TOKEN_APP,
    "session": document(allow("s3:ListBucket", APP), allow(CHANGING, OBJECTS)),
}
CAROL_NAMED = {
    "identity": TOKEN_APP,
    "resource_policy": document(allow(CHANGING, OBJECTS, Principal={"AWS": CAROL})),
}

DEVELOPER, UPDATE_APP = user("David", "111111111111"), "arn:aws:iam::999999999999:role/UpdateApp"
DEVELOPERS, TESTERS = (document(rule("sts:AssumeRole", UPDATE_APP)) for rule in (allow, deny))


def trusting(account: str, effect: str, *identity: dict[str, Any]) -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    return {"identity": [*identity], "resource_policy": document(statement)}


def switching(*identity: dict[str, Any]) -> dict[str, Any]:
    return trusting("111111111111", "Allow", *identity)


ALL_BUT_DELETING = {
    "identity": [document({"Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "arn:aws:s3:::*"})]
}
ALL_BUT_IAM = {"identity": [document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})]}
WITHOUT_MFA = {"aws:MultiFactorAuthPresent": "false"}
SIGNED_IN_WITH_MFA = {"aws:MultiFactorAuthPresent": "true"}
NOTHING_WITHOUT_MFA = {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}
MFA = {"identity": [MAY, document(NOTHING_WITHOUT_MFA | {"Condition": {"BoolIfExists": WITHOUT_MFA}})]}
ONLY_PAYROLL = document(
    {
        "Effect": "Deny",
        "Action": "s3:*",
        "NotResource": ["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"],
    }
)
HR, HR_ALONE = {"identity": [MAY, ONLY_PAYROLL]}, {"identity": [ONLY_PAYROLL]}

TABLES, QUEUES = "arn:aws:dynamodb:us-east-2:111122223333:table", "arn:aws:sqs:us-east-2:111122223333"
OWN_TABLE = {"identity": [document(allow("dynamodb:*", f"{TABLES}/${{aws:username}}"))]}
OWN_QUEUE = {"identity": [document(allow("sqs:*", "arn:aws:sqs:us-east-2:*:${aws:username}-queue"))]}
YELLOW = {"aws:PrincipalTag/team": "yellow"}
TEAM_BUCKET = {"identity": [document(allow("s3:*", f"{BUCKET}-${{aws:PrincipalTag/team, 'company-wide'}}"))]}
TEAM_FOLDER = {"identity": [document(allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/team}}/*"))]}
JANE = user("division_abc/subdivision_xyz/JaneDoe")


def may_get(users: str) -> dict[str, Any]:
    return {"identity": [document(allow("iam:GetUser", f"arn:aws:iam::111122223333:{users}"))]}


ROLE = "arn:aws:iam::111122223333:role/Example"
TWO_ACCOUNTS = {
    "identity": [MAY],
    "resource_account": "111122223333",
    "resource_policy": document(allow("s3:*", Principal={"AWS": ["123456789012", "555555555555"]})),
}
BY_CONDITION = {
    "resource_policy": document(
        allow("s3:*", Principal="*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    ),
    "boundary": OTHER,
    "session": OTHER,
}
CODEBUILD, CLOUDTRAIL = "codebuild.amazonaws.com", "cloudtrail.amazonaws.com"


def only(arn: str) -> dict[str, Any]:
    condition = {"ArnNotEquals": {"aws:PrincipalArn": arn}}
    policy = document(deny("s3:*", Principal="*", Condition=condition))
    return {"identity": [MAY], "resource_policy": policy}


def by_service(name: str) -> dict[str, Any]:
    condition = {"StringNotEqualsIfExists": {"aws:PrincipalServiceName": CODEBUILD}}
    policy = document(
        deny("s3:*", Principal="*", Condition=condition), allow("s3:*", Principal={"Service": name})
    )
    return {"context": {"aws:PrincipalServiceName": name}, "resource_policy": policy}


JOHN, REPOSITORIES = user("JohnDoe", "123456789012"), "codecommit:ListRepositories"
NOT_SHARED = {"identity": [MAY], "resource_account": "444455556666"}
CLOSED = {"identity": [MAY], "resource_policy": document(deny("*", Principal="*"))}


def within(context: dict[str, Any], policies: dict[str, Any]) -> dict[str, Any]:
    return policies | {"context": context}


# page, principal, action, resource, what applies to the request and what it carries, the answer
DECISIONS: list[tuple[str, str, str, str, dict[str, Any], str]] = [
    (ONE_ACCOUNT, CARLOS, "s3:PutObject", f"{CARLOS_NAME}-logs/f", CARLOS_POLICIES, "IDENTITY denies"),
    (ONE_ACCOUNT, CARLOS, "s3:PutObject", f"{CARLOS_NAME}/f", CARLOS_POLICIES, "IDENTITY allows"),
    (ONE_ACCOUNT, CARLOS, "s3:PutObject", f"{CARLOS_NAME}/f", CARLOS_BOTH, "RESOURCE allows"),
    (ONE_ACCOUNT, CARLOS, "s3:PutObject", f"{CARLOS_NAME}/f", CARLOS_RESOURCE, "RESOURCE allows"),
    (ONE_ACCOUNT, CARLOS, "s3:GetBucketLocation", "arn:aws:s3:::other", CARLOS_POLICIES, "IDENTITY allows"),
    (ONE_ACCOUNT, CARLOS, "s3:PutObject", "arn:aws:s3:::other/f", CARLOS_POLICIES, "IDENTITY is silent"),
    (ACROSS, CARLOS_THERE, "s3:PutObject", f"{PRODUCTION}-logs/f", UNSHARED, "IDENTITY denies"),
    (ACROSS, CARLOS_THERE, "s3:PutObject", f"{PRODUCTION}/f", SHARED, "IDENTITY allows"),
    (ACROSS, CARLOS_THERE, "s3:DeleteObject", f"{PRODUCTION}/f", SHARED, "RESOURCE is silent"),
    (ACROSS, CARLOS_THERE, "s3:PutBucketPolicy", PRODUCTION, SHARED, "RESOURCE is silent"),
    (ACROSS, CARLOS_THERE, "s3:ListAllMyBuckets", "*", {"identity": CARLOS_ACROSS}, "IDENTITY allows"),
    (DENIES, CARLOS, "iam:GetUser", CARLOS, IAM_READER, "IDENTITY allows"),
    (DENIES, CARLOS, "iam:CreatePolicy", "*", IAM_READER, "IDENTITY is silent"),
    (DENIES, CARLOS, "iam:GetOrganizationsAccessReport", "*", IAM_READER, "IDENTITY denies"),
    (DENIES, CARLOS, "iam:GenerateCredentialReport", "*", IAM_REPORTER, "IDENTITY denies"),
    (IDENTITY_OR_RESOURCE, CARLOS_SALAZAR, "sqs:ReceiveMessage", Y, CARLOS_AT_Y, "IDENTITY allows"),
    (IDENTITY_OR_RESOURCE, CARLOS_SALAZAR, "sqs:SendMessage", Y, CARLOS_AT_Y, "RESOURCE allows"),
    (IDENTITY_OR_RESOURCE, CARLOS_SALAZAR, "sqs:ReceiveMessage", Z, CARLOS_AT_Z, "RESOURCE denies"),
    (IDENTITY_OR_RESOURCE, ZHANG_WEI, "sqs:DeleteQueue", Z, {"resource_policy": OF_Z}, "RESOURCE allows"),
    (IDENTITY_OR_RESOURCE, ZHANG_WEI, "sqs:ReceiveMessage", Y, {"resource_policy": OF_Y}, "RESOURCE allows"),
    (IDENTITY_OR_RESOURCE, ZHANG_WEI, "sqs:SendMessage", Y, {"resource_policy": OF_Y}, "IDENTITY is silent"),
    (BOUNDARIES, user("Shirley"), "iam:CreateUser", user("New"), SHIRLEY, "BOUNDARY is silent"),
    (BOUNDARIES, user("Shirley"), "s3:GetObject", f"{BUCKET}/k", SHIRLEY, "IDENTITY is silent"),
    (BOUNDARIES, NIKHIL, "iam:ChangePassword", NIKHIL, NIKHIL_POLICIES, "IDENTITY allows"),
    (BOUNDARIES, NIKHIL, "iam:CreateUser", user("New", XCOMPANY), NIKHIL_POLICIES, "BOUNDARY is silent"),
    (BOUNDARIES, NIKHIL, "s3:GetObject", f"{BUCKET}/k", NIKHIL_POLICIES, "IDENTITY allows"),
    (BOUNDARIES, NIKHIL, "s3:PutObject", f"{BUCKET}/k", NIKHIL_POLICIES, "IDENTITY is silent"),
    (BOUNDARIES, NIKHIL, "s3:PutObject", f"{LOGS}/k", NIKHIL_AT_LOGS, "BOUNDARY denies"),
    (BOUNDARIES, NIKHIL, "secretsmanager:GetSecretValue", SECRET, NIKHIL_AT_SECRET, "RESOURCE allows"),
    (BOUNDARIES, ZHANG, "iam:CreateUser", NIKHIL, ZHANG_POLICIES, "BOUNDARY is silent"),
    (BOUNDARIES, ZHANG, "iam:CreateUser", NIKHIL, within(BOUNDED, ZHANG_POLICIES), "IDENTITY allows"),
    (BOUNDARIES, ZHANG, "iam:UpdateLoginProfile", NIKHIL, ZHANG_POLICIES, "IDENTITY allows"),
    (BOUNDARIES, ZHANG, "iam:UpdateLoginProfile", MARIA, ZHANG_POLICIES, "BOUNDARY is silent"),
    (BOUNDARIES, ZHANG, "iam:CreatePolicyVersion", COMPANY, ZHANG_POLICIES, "BOUNDARY denies"),
    (BOUNDARIES, ZHANG, "iam:DeleteUserPermissionsBoundary", NIKHIL, ZHANG_POLICIES, "BOUNDARY denies"),
    (BOUNDARIES, ZHANG, "s3:ListBucket", "arn:aws:s3:::ZhangBucket", ZHANG_POLICIES, "BOUNDARY is silent"),
    (ASSUMING, SESSION, "s3:DeleteObject", f"{APP}/k", {"identity": APP_ROLE}, "IDENTITY allows"),
    (ASSUMING, SESSION, "s3:DeleteObject", f"{APP}/k", APP_SESSION, "SESSION is silent"),
    (ASSUMING, SESSION, "s3:PutObject", f"{APP}/k", APP_SESSION, "IDENTITY allows"),
    (ASSUMING, SESSION, "s3:DeleteObject", f"{APP}/k", APP_KEPT, "RESOURCE denies"),
    (FEDERATING, CAROL, "s3:ListBucket", APP, {"identity": TOKEN_APP}, "SESSION is silent"),
    (FEDERATING, CAROL, "s3:ListBucket", APP, FEDERATED, "IDENTITY allows"),
    (FEDERATING, CAROL, "s3:GetObject", f"{APP}/k", FEDERATED, "IDENTITY is silent"),
    (FEDERATING, CAROL, "s3:ListBucket", BUCKET, FEDERATED, "SESSION is silent"),
    (FEDERATING, CAROL, "sqs:ReceiveMessage", f"{QUEUES}:q", FEDERATED, "SESSION is silent"),
    (FEDERATING, CAROL, "dynamodb:ListTables", "*", FEDERATED, "SESSION is silent"),
    (FEDERATING, CAROL, "s3:GetObject", f"{APP}/k", CAROL_NAMED, "RESOURCE allows"),
    (SWITCHING, DEVELOPER, "sts:AssumeRole", UPDATE_APP, switching(DEVELOPERS), "IDENTITY allows"),
    (SWITCHING, DEVELOPER, "sts:AssumeRole", UPDATE_APP, switching(MAY, TESTERS), "IDENTITY denies"),
    (SWITCHING, DEVELOPER, "sts:AssumeRole", UPDATE_APP, switching(), "IDENTITY is silent"),
    (NOT_ACTION, CARLOS, "s3:GetObject", f"{BUCKET}/k", ALL_BUT_DELETING, "IDENTITY allows"),
    (NOT_ACTION, CARLOS, "s3:DeleteBucket", BUCKET, ALL_BUT_DELETING, "IDENTITY is silent"),
    (NOT_ACTION, CARLOS, "s3:ListAllMyBuckets", "*", ALL_BUT_DELETING, "IDENTITY is silent"),
    (NOT_ACTION, CARLOS, "sqs:SendMessage", f"{QUEUES}:q", ALL_BUT_DELETING, "IDENTITY is silent"),
    (NOT_ACTION, CARLOS, "ec2:RunInstances", "*", ALL_BUT_IAM, "IDENTITY allows"),
    (NOT_ACTION, CARLOS, "iam:ListUsers", "*", ALL_BUT_IAM, "IDENTITY is silent"),
    (NOT_ACTION, CARLOS, "ec2:RunInstances", "*", within(SIGNED_IN_WITH_MFA, MFA), "IDENTITY allows"),
    (NOT_ACTION, CARLOS, "ec2:RunInstances", "*", within(WITHOUT_MFA, MFA), "IDENTITY denies"),
    (NOT_ACTION, CARLOS, "ec2:RunInstances", "*", MFA, "IDENTITY denies"),
    (NOT_ACTION, CARLOS, "iam:ListUsers", "*", within(WITHOUT_MFA, MFA), "IDENTITY allows"),
    (NOT_RESOURCE, CARLOS, "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/may", HR, "IDENTITY allows"),
    (NOT_RESOURCE, CARLOS, "s3:GetObject", "arn:aws:s3:::HRBucket/Benefits", HR, "IDENTITY denies"),
    (NOT_RESOURCE, CARLOS, "s3:ListAllMyBuckets", "*", HR, "IDENTITY denies"),
    (NOT_RESOURCE, CARLOS, "ec2:RunInstances", "*", HR, "IDENTITY allows"),
    (NOT_RESOURCE, CARLOS, "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll", HR_ALONE, "IDENTITY is silent"),
    (RESOURCE, CARLOS, "dynamodb:GetItem", f"{TABLES}/carlossalazar", OWN_TABLE, "IDENTITY allows"),
    (RESOURCE, CARLOS, "dynamodb:GetItem", f"{TABLES}/bob", OWN_TABLE, "IDENTITY is silent"),
    (RESOURCE, SESSION, "dynamodb:GetItem", f"{TABLES}/bob", OWN_TABLE, "IDENTITY is silent"),
    (IDENTIFIERS, CARLOS, "iam:GetUser", user("JohnDoe"), may_get("user/*"), "IDENTITY allows"),
    (IDENTIFIERS, CARLOS, "iam:GetUser", JANE, may_get("user/*"), "IDENTITY allows"),
    (IDENTIFIERS, CARLOS, "iam:GetUser", JANE, may_get("user/division_abc*"), "IDENTITY allows"),
    (
        IDENTIFIERS,
        CARLOS,
        "iam:GetUser",
        user("JohnDoe"),
        may_get("user/division_abc*"),
        "IDENTITY is silent",
    ),
    (VARIABLES, CARLOS, "sqs:SendMessage", f"{QUEUES}:carlossalazar-queue", OWN_QUEUE, "IDENTITY allows"),
    (VARIABLES, CARLOS, "sqs:SendMessage", f"{QUEUES}:bob-queue", OWN_QUEUE, "IDENTITY is silent"),
    (VARIABLES, SESSION, "s3:ListBucket", f"{BUCKET}-yellow", within(YELLOW, TEAM_BUCKET), "IDENTITY allows"),
    (VARIABLES, SESSION, "s3:ListBucket", f"{BUCKET}-red", within(YELLOW, TEAM_BUCKET), "IDENTITY is silent"),
    (VARIABLES, SESSION, "s3:ListBucket", f"{BUCKET}-company-wide", TEAM_BUCKET, "IDENTITY allows"),
    (VARIABLES, SESSION, "s3:ListBucket", f"{BUCKET}-yellow", TEAM_BUCKET, "IDENTITY is silent"),
    (
        VARIABLES,
        SESSION,
        "s3:GetObject",
        f"{BUCKET}/yellow/k",
        within(YELLOW, TEAM_FOLDER),
        "IDENTITY allows",
    ),
    (
        VARIABLES,
        SESSION,
        "s3:GetObject",
        f"{BUCKET}/red/k",
        within(YELLOW, TEAM_FOLDER),
        "IDENTITY is silent",
    ),
    (VARIABLES, SESSION, "s3:GetObject", f"{BUCKET}/yellow/k", TEAM_FOLDER, "IDENTITY is silent"),
    (PRINCIPAL, user("Ana", "555555555555"), "s3:GetObject", f"{BUCKET}/k", TWO_ACCOUNTS, "IDENTITY allows"),
    (
        PRINCIPAL,
        user("Ana", "444455556666"),
        "s3:GetObject",
        f"{BUCKET}/k",
        TWO_ACCOUNTS,
        "RESOURCE is silent",
    ),
    (PRINCIPAL, SESSION, "s3:GetObject", f"{BUCKET}/k", BY_CONDITION, "RESOURCE allows"),
    (PRINCIPAL, CARLOS, "s3:GetObject", f"{BUCKET}/k", only(CARLOS), "IDENTITY allows"),
    (PRINCIPAL, user("Ana"), "s3:GetObject", f"{BUCKET}/k", only(CARLOS), "RESOURCE denies"),
    (NOT_PRINCIPAL, SESSION, "s3:GetObject", f"{BUCKET}/k", only(ROLE), "IDENTITY allows"),
    (NOT_PRINCIPAL, f"{SESSION}2", "s3:GetObject", f"{BUCKET}/k", only(ROLE), "IDENTITY allows"),
    (NOT_PRINCIPAL, CARLOS, "s3:GetObject", f"{BUCKET}/k", only(ROLE), "RESOURCE denies"),
    (NOT_PRINCIPAL, CODEBUILD, "s3:GetObject", f"{BUCKET}/k", by_service(CODEBUILD), "RESOURCE allows"),
    (NOT_PRINCIPAL, CLOUDTRAIL, "s3:GetObject", f"{BUCKET}/k", by_service(CLOUDTRAIL), "RESOURCE denies"),
    (ACCESS_DENIED, JOHN, REPOSITORIES, "*", {"identity": [MAY], "scps": [[OTHER]]}, "SCP is silent"),
    (ACCESS_DENIED, JOHN, REPOSITORIES, "*", {"identity": [MAY], "scps": [[MAY, NOT]]}, "SCP denies"),
    (ACCESS_DENIED, JOHN, REPOSITORIES, "*", {"identity": [MAY], "boundary": OTHER}, "BOUNDARY is silent"),
    (ACCESS_DENIED, JOHN, REPOSITORIES, "*", {"identity": [MAY], "boundary": NOT}, "BOUNDARY denies"),
    (ACCESS_DENIED, SESSION, REPOSITORIES, "*", {"identity": [MAY], "session": OTHER}, "SESSION is silent"),
    (ACCESS_DENIED, SESSION, REPOSITORIES, "*", {"identity": [MAY], "session": NOT}, "SESSION denies"),
    (ACCESS_DENIED, JOHN, "secretsmanager:GetSecretValue", SECRET, NOT_SHARED, "RESOURCE is silent"),
    (ACCESS_DENIED, JOHN, "secretsmanager:GetSecretValue", SECRET, CLOSED, "RESOURCE denies"),
    (ACCESS_DENIED, JOHN, "sts:AssumeRole", ROLE, trusting("444455556666", "Allow"), "TRUST is silent"),
    (ACCESS_DENIED, JOHN, "sts:AssumeRole", ROLE, trusting("*", "Deny"), "TRUST denies"),
    (ACCESS_DENIED, JOHN, REPOSITORIES, "*", {"identity": [OTHER]}, "IDENTITY is silent"),
    (ACCESS_DENIED, JOHN, REPOSITORIES, "*", {"identity": [MAY, NOT]}, "IDENTITY denies"),
    (SCPS, JOHN, REPOSITORIES, "*", {"identity": [MAY], "scps": [[MAY], [MAY], [MAY]]}, "IDENTITY allows"),
    (SCPS, JOHN, REPOSITORIES, "*", {"identity": [MAY], "scps": [[MAY], [], [MAY]]}, "SCP is silent"),
    (SCPS, JOHN, REPOSITORIES, "*", {"identity": [MAY], "scps": [[MAY], [MAY], [OTHER]]}, "SCP is silent"),
    (SCPS, JOHN, REPOSITORIES, "*", {"identity": [MAY], "scps": [[MAY, NOT], [MAY], [MAY]]}, "SCP denies"),
    (SCPS, JOHN, REPOSITORIES, "*", {"scps": [[MAY], [MAY], [MAY]]}, "IDENTITY is silent"),
]


@pytest.mark.parametrize(
    ("principal", "action", "resource", "policies", "answer"),
    [row[1:] for row in DECISIONS],
    ids=[f"{number}-{row[0]}: {row[5]} {row[2]}" for number, row in enumerate(DECISIONS)],
)
def test_a_documented_decision(
    principal: str, action: str, resource: str, policies: dict[str, Any], answer: str
) -> None:
    carried = {name: policies[name] for name in ("context", "resource_account") if name in policies}
    request = Request(principal=principal, action=action, resource=resource, **carried)
    decision = decide(request, **{name: value for name, value in policies.items() if name not in carried})
    verb = "allows" if decision.allowed else "denies" if decision.explicit else "is silent"
    assert f"{decision.layer} {verb}" == answer
