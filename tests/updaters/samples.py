"""A sample of each kind of file: before and after the release of 1.5.0, by the updater's name.

``«…»`` marks what is to change; it is no part of the text.
"""

from dataclasses import dataclass

from bot.core.release.updaters.updater import NO_HINTS, Hints
from bot.core.release.version import Version


@dataclass(frozen=True)
class Sample:
    updater: str
    path: str
    marked: str
    hints: Hints = NO_HINTS

    @property
    def before(self) -> str:
        return self.marked.replace("«", "").replace("»", "")

    def after(self, written: str = "1.5.0") -> str:
        first, *rest = self.marked.split("«")
        return first + "".join(written + part.partition("»")[2] for part in rest)

    @property
    def stood(self) -> tuple[str, ...]:
        return tuple(part.partition("»")[0] for part in self.marked.split("«")[1:])


FORMER = Version(1, 4, 0)

SAMPLES = [
    Sample(
        "package-json",
        "web/package.json",
        """{
\t"name": "shop",
\t"config": {"version": "1.4.0"},
\t"version" : "«1.4.0»",
\t"dependencies": {"shop": "1.4.0", "version": "1.4.0"},
\t"files": [ "dist" ,{"version":"1.4.0"}], "é": "\\u0031.4.0"
}
""",
    ),
    Sample(
        "package-lock",
        "package-lock.json",
        """{
  "name": "shop", "version": "«1.4.0»", "lockfileVersion": 3,
  "packages": {
    "": {"name": "shop", "version": "«1.4.0»", "dependencies": {"left-pad": "1.4.0"}},
    "node_modules/left-pad": {"version": "1.4.0"},
    "packages/api": {"version": "1.4.0"}
  },
  "dependencies": {"left-pad": {"version": "1.4.0"}}
}
""",
    ),
    Sample(
        "package-lock",
        "package-lock.json",
        """{"version": "1.4.0", "packages": {
  "": {"version": "1.4.0"}, "packages/api": {"name": "api", "version": "«1.4.0»"},
  "packages/api/node_modules/a": {"version": "1.4.0"},
  "node_modules/api": {"resolved": "packages/api", "link": true}
}}
""",
        Hints(folder="packages/api"),
    ),
    Sample(
        "package-lock",
        "npm-shrinkwrap.json",
        '{"lockfileVersion": 1, "version": "«1.3.0»", "dependencies": {"a": {"version": "1.3.0"}}}',
    ),
    Sample(
        "pyproject",
        "pyproject.toml",
        '''# [project]
# version = "1.4.0"
[build-system]
requires = ["hatchling==1.4.0"]  # version = "1.4.0"

[project]
name = "shop"
description = """
[project]
version = "1.4.0"
"""
"version"   =   '«1.4.0»'   # the one
dependencies = [
  "a==1.4.0",  # ]
  "b",
]
urls = { version = "1.4.0", "x]" = "y" }

[tool.other]
version = "1.4.0"
''',
    ),
    Sample(
        "pyproject",
        "api/pyproject.toml",
        '[tool]\npoetry = {name = "shop", version = "«1.4.0»", dependencies = {a = "1.4.0"}}\n',
    ),
    Sample(
        "pyproject",
        "pyproject.toml",
        'project.name = "shop"\nproject . version = "«1.4.0»"\n'
        '[tool.poetry]\nversion="""«1.4.0»"""',
    ),
    Sample(
        "pyproject",
        "pyproject.toml",
        '[project]\ndynamic = ["version"]\n[tool.poetry]\nversion = "«1.4.0»"\n',
    ),
    Sample(
        "setup-cfg",
        "setup.cfg",
        """[options]
version = 1.4.0
[metadata]
# version = 1.4.0
name = shop
Version : «1.4.0»
description = x
  version = 1.4.0
[tool:x]
version = 1.4.0
""",
    ),
    Sample(
        "python-source",
        "src/shop/__init__.py",
        '''"""Shop.

__version__ = "1.4.0"
"""
# __version__ = "1.4.0"
x = '\\'' ; y = "__version__ = '1.4.0'"
if True:
    __version__ = "1.4.0"
__version__: str = '«1.4.0»'  # here
__version_info__ = (1, 4, 0)
if __version__ == "1.4.0":
    z = f"""{x}
__version__ = "1.4.0"
"""
''',
    ),
    Sample(
        "uv-lock",
        "uv.lock",
        """version = 1
revision = 2

[[package]]
name = "a"
version = "1.4.0"
source = { registry = "https://registry.test/simple" }
sdist = { url = "https://files.test/a-1.4.0.tar.gz", hash = "sha256:00", size = 1 }
wheels = [
    { url = "https://files.test/a-1.4.0-py3-none-any.whl", hash = "sha256:00", size = 1 },
]

[[package]]
name = "shop"
version = "«1.4.0»"
source = { editable = "." }

[package.metadata]
requires-dist = [{ name = "a", specifier = "==1.4.0" }]

[[package]]
name = "shop-api"
version = "1.4.0"
source = { editable = "packages/api" }
""",
    ),
    Sample(
        "uv-lock",
        "uv.lock",
        """[[package]]
name = "shop-api"
version = "«1.4.0»"
source = { virtual = "packages/api" }
[[package]]
name = "shop-api"
version = "1.4.0"
source = { registry = "https://registry.test/simple" }
[[package]]
name = "shop"
version = "1.4.0"
source = { virtual = "." }
""",
        Hints(name="Shop_API"),
    ),
    Sample(
        "cargo-toml",
        "Cargo.toml",
        """[workspace]
members = ["a"]
[workspace.package]
version = "«1.4.0»" # all of them
[workspace.dependencies]
serde = { version = "1.4.0" }
[package]
name = "shop"
version.workspace = true
[dependencies]
version = "1.4.0"
[dependencies.shop-core]
path = "core"
version = "1.4.0"
""",
    ),
    Sample(
        "cargo-toml",
        "core/Cargo.toml",
        "[package]\nname = 'shop-core'\nversion = '«1.4.0»'\n[package.metadata]\nversion='1.4.0'\n",
    ),
    Sample(
        "cargo-lock",
        "Cargo.lock",
        """version = 3

[[package]]
name = "serde"
version = "1.4.0"
source = "registry+https://registry.test/index"

[[package]]
name = "shop"
version = "«1.4.0»"
dependencies = [
 "serde",
 "shop-core 1.4.0",
]

[[package]]
name = "shop-core"
version = "1.4.0"

[[package]]
name = "tool"
version = "0.1.0"
dependencies = [
 "shop «1.4.0»",
]
""",
        Hints(name="shop"),
    ),
    Sample(
        "cargo-lock",
        "Cargo.lock",
        """[[package]]
name = "a"
version = "«1.4.0»"
[[package]]
name = "b"
version = "«1.4.0»"
dependencies = ["a «1.4.0»", "c 0.1.0", "a 1.4.0 (registry+https://registry.test/index)"]
[[package]]
name = "c"
version = "0.1.0"
[[package]]
name = "d"
version = "1.4.0"
source = "git+https://git.test/d"
""",
        Hints(manifest="1.4.0"),
    ),
    Sample("cargo-lock", "Cargo.lock", '[[package]]\nname = "a"\nversion = "«1.4.0»"\n'),
    Sample("version-txt", "version.txt", "«1.4.0»\n"),
    Sample("version-txt", "VERSION", "\n  v«1.4.0-rc.1»  \n\n"),
    Sample(
        "marker",
        "README.md",
        """Install `shop==1.4.0`, or by 1.2.3:
image: shop:v«1.4.0»-linux  # x-lockgate-version
image: python:3.11.4 shop:«1.4.0» <!-- x-release-please-version -->
<!-- x-lockgate-start-version -->
curl https://files.test/shop-«1.4.0».tar.gz
nothing 1.2 here, nor 1.2.3.4
docker run shop:«1.3.9» # stale
<!-- x-lockgate-end -->
1.4.0
""",
        Hints(former=FORMER),
    ),
    Sample(
        "by-path",
        "a.json",
        '{"a": [{"version": "1.4.0"}, {"b.c": "v«1.4.0»"}]}',
        Hints(at='a[1]."b.c"'),
    ),
    Sample(
        "by-path",
        "a.toml",
        '[[a]]\nb="1.4.0"\n[[a]]\nb="x:«1.4.0»"\n[[a.c]]\n',
        Hints(at="a[1].b"),
    ),
    Sample(
        "by-path",
        "charts/shop/Chart.yaml",
        "# Helm\nversion: 1.4.0\nappVersion:   «1.4.0» # app\nimage: &i shop:1.4.0\nother: *i\n",
        Hints(at="$.appVersion"),
    ),
    Sample(
        "by-path",
        "k8s.yml",
        "kind: A\n---\nspec:\n- {image: 'a:1.4.0'}\n- image: \"shop:v«1.4.0»\"\n- image: b:1.4.0\n",
        Hints(at="spec[1].image"),
    ),
    Sample(
        "by-regex",
        "docs/install.md",
        "pip install shop==«1.4.0» é\npip install shop==«1.4.0rc1»\npip install a==1.4.0\n",
        Hints(pattern=r"shop==([0-9]\S*)"),
    ),
]
