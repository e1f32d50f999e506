"""The schema, the parser, the published file and the reference say the same.

``UPDATE_EXPECTED=1 pytest tests/policy`` writes the published file and the reference's keys anew.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from policy_keys import keys, table
from ruamel.yaml import YAML

from bot.core.policy import Policy, parse_policy, policy_schema

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = DOCS / "policy.schema.json"
REFERENCE = DOCS / "reference" / "policy.md"
BEGIN, END = "<!-- keys:begin -->\n", "<!-- keys:end -->\n"
UPDATE = os.environ.get("UPDATE_EXPECTED") == "1"

VALID = [
    "{}",
    "version: 1",
    "commits: {}",
    "commits: {enforce: auto}",
    "commits: {enforce: both, types: [], scopes: [api, web/ui]}",
    "commits: {types: [feat, a-b], type_case: kebab-case}",
    "commits: {scope_patterns: ['pkg-[a-z]+']}",
    "commits: {subject_case_refused: []}",
    "commits: {subject_full_stop: '。'}",
    "commits: {header_max_length: 20, body_max_line_length: 10000}",
    "commits: {required_footers: [Refs, BREAKING CHANGE]}",
    "commits: {ignored_authors: ['dependabot[bot]', 1]}",
    "commits: {rules: {type-empty: error, subject-case: warning, scope-case: disabled}}",
    "environments: {}",
    "environments: {p: {vercel: {project: a, domain: a.test}}}",
    "environments: {p-1: {workflow: {environment: a, domain: 'a.test:80'}, timeout: 1h}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, requires: [slo, lock]}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, checks: {apps: {ci: 1}}}}",
    (
        "environments: {p: {vercel: {project: a, domain: a.test}, "
        "slo: {require: [api-availability], no_data: allow, minimum_budget: 2.5%}}}"
    ),
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {watch: {}}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {steps: default}}}",
    (
        "environments: {p: {vercel: {project: a, domain: a.test}, slo: {steps: "
        "[{at: 75%, do: notify}, {at: 30%, do: approve}, {at: 2.5%, do: freeze}]}}}"
    ),
    (
        "environments: {p: {vercel: {project: a, domain: a.test}, slo: {watch: {for: 30m, "
        "every: 30s, compare: budget, fail_on: burn, on_fail: notify, false_rollbacks: 0.1%}}}}"
    ),
    "environments: {p: {vercel: {project: a, domain: a.test}, bots: [41898282]}}",
    (
        "environments: {p: {vercel: {project: a, domain: a.test}, "
        "freeze: [{cron: '0 0 * * *', hours: 1, reason: x}, "
        "{until: '2026-12-24T18:00Z', reason: x}]}}"
    ),
    "migrations: {path: db/changes, backfills: db/backfills, exposed_schemas: [public, api]}",
    "migrations: {ignore: [truncate], rollback_window: {builds: 3, age: 14d}}",
    "release: {}",
    "release: {kind: go, tag: 'r{version}', draft: true, latest: false, other: hide}",
    "release: {prerelease: {branch: next}, sections: {feat: New}, hidden: []}",
    "release: {extra_files: [a, {file: b.json, path: c}, {file: /d, regex: '(e)'}]}",
    "release: {packages: [{path: .}, {path: a, name: '@b/c'}], bump_dependents: none}",
    "release: {changelog: {path: docs/log.md, header: '# Log'}, release_as: 1.0.0}",
]
INVALID = [
    "migrations: {exposed_schemas: ['a b']}",
    "migrations: {rollback_window: {builds: 0}}",
    "[]",
    "text",
    "version: 2",
    "version: '1'",
    "version: true",
    "version: null",
    "comits: {}",
    "commits: null",
    "commits: []",
    "commits: {enforce: never}",
    "commits: {enforce: true}",
    "commits: {types: feat}",
    "commits: {types: [1]}",
    "commits: {types: ['a b']}",
    "commits: {types: {feat: 1}}",
    "commits: {scopes: ['(x)']}",
    "commits: {scope_patterns: ['']}",
    "commits: {scope_required: 1}",
    "commits: {scope_required: yes}",
    "commits: {subject_full_stop: '..'}",
    "commits: {header_max_length: 19}",
    "commits: {header_max_length: 10001}",
    "commits: {header_max_length: 72.5}",
    "commits: {header_max_length: '72'}",
    "commits: {required_footers: ['a b']}",
    "commits: {ignored_authors: [0]}",
    "commits: {ignored_authors: ['']}",
    "commits: {ignored_authors: [[]]}",
    "commits: {rules: {no-such-rule: error}}",
    "commits: {rules: {type-empty: 2}}",
    "commits: {rules: [type-empty]}",
    "environments: {p: {vercel: {project: a, domain: a.test}, bots: ['ci[bot]']}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, bots: [0]}}",
    "environments: []",
    "environments: {P: {vercel: {project: a, domain: a.test}}}",
    "environments: {p: []}",
    "environments: {p: {vercel: {project: a}}}",
    "environments: {p: {vercel: {project: a/b, domain: a.test}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, requires: []}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, requires: [tarot]}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, soak: 30}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, timeout: soon}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, checks: {mode: some}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {require: [A B]}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {no_data: pass}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {minimum_budget: 101%}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {minimum_budget: 10}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {steps: usual}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {steps: [{at: 5%}]}}}",
    (
        "environments: {p: {vercel: {project: a, domain: a.test}, "
        "slo: {steps: [{at: 5%, do: none}]}}}"
    ),
    (
        "environments: {p: {vercel: {project: a, domain: a.test}, "
        "slo: {steps: [{at: 5, do: freeze}]}}}"
    ),
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {watch: {for: 15}}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, slo: {watch: {compare: after}}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, checks: {apps: {ci: a}}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, approvals: {count: -1}}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, freeze: [{until: 5, reason: x}]}}",
    "environments: {p: {vercel: {project: a, domain: a.test}, freeze: [{until: '2026-12-24'}]}}",
    "release:",
    "release: null",
    "release: true",
    "release: {kind: ruby}",
    "release: {kinds: node}",
    "release: {tag: ''}",
    "release: {packages: {a: b}}",
    "release: {packages: [{name: a}]}",
    "release: {packages: [{path: a, name: 'b c'}]}",
    "release: {extra_files: [1]}",
    "release: {extra_files: [{path: a}]}",
    "release: {extra_files: [{file: a, pattern: b}]}",
    "release: {sections: {'a b': c}}",
    "release: {sections: {feat: ''}}",
    "release: {sections: [feat]}",
    "release: {hidden: feat}",
    "release: {other: 1}",
    "release: {bump_before_1_0: major}",
    "release: {release_as: 2}",
    "release: {prerelease: {identifier: rc}}",
    "release: {draft: 'true'}",
    "release: {changelog: CHANGELOG.md}",
]


@cache
def validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(policy_schema())


def is_valid_by_schema(text: str) -> bool:
    document: Any = YAML(typ="safe", pure=True).load(text)
    return validator().is_valid(document)


@pytest.mark.parametrize("text", VALID)
def test_what_the_schema_allows_the_parser_reads(text: str) -> None:
    assert is_valid_by_schema(text)
    assert isinstance(parse_policy(text), Policy)


@pytest.mark.parametrize("text", INVALID)
def test_what_the_schema_refuses_the_parser_refuses(text: str) -> None:
    assert not is_valid_by_schema(text)
    assert not isinstance(parse_policy(text), Policy)


def test_the_schema_is_a_schema() -> None:
    jsonschema_rs.meta.validate(policy_schema())


def test_every_key_is_described() -> None:
    schema = policy_schema()
    found = dict(keys(schema, schema))
    assert {"version", "commits.types", "commits.rules.type-empty"} <= found.keys()
    assert [key for key, said in found.items() if not said.get("description")] == []


def test_the_published_schema_is_the_schema() -> None:
    text = json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"
    if UPDATE:
        PUBLISHED.write_text(text, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == text


def test_the_reference_is_complete() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    expected = f"{before}{BEGIN}\n{table(policy_schema())}\n{END}{after}"
    if UPDATE:
        REFERENCE.write_text(expected, encoding="utf-8")
        page = expected
    assert page == expected


def test_the_reference_s_examples_are_valid() -> None:
    page = REFERENCE.read_text(encoding="utf-8")
    examples = [block.partition("```")[0] for block in page.split("```yaml\n")[1:]]
    assert len(examples) >= 2
    for example in examples:
        assert isinstance(parse_policy(example), Policy), example
