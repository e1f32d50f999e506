// One peer of bench/commits.py, in its own process:
//
//     node bench/commits.mjs conventional-commits-parser|commitlint MESSAGES.json
//
// For each line on standard input it goes through the messages once and prints {"version",
// "seconds", "valid"}. Exit code 3 if the package is missing.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const MISSING = 3;
const [tool, file] = process.argv.slice(2);
// require, unlike import, also looks in NODE_PATH.
const require = createRequire(import.meta.url);

function locate(name) {
  for (const folder of require.resolve.paths(name)) {
    try {
      const path = join(folder, name, "package.json");
      return { folder: dirname(path), about: JSON.parse(readFileSync(path, "utf8")) };
    } catch {
      continue;
    }
  }
  console.error(`the npm package ${name} is not installed`);
  process.exit(MISSING);
}

async function load(name) {
  const { folder, about } = locate(name);
  const target = about.exports?.["."] ?? about.exports ?? about.main;
  const entry = typeof target === "string" ? target : (target.import?.default ?? target.import ?? target.default);
  return import(pathToFileURL(join(folder, entry)));
}

async function parser() {
  const { CommitParser } = await load("conventional-commits-parser");
  const commits = new CommitParser();
  return (message) => Boolean(commits.parse(message).type);
}

async function commitlint() {
  const { default: loadConfig } = await load("@commitlint/load");
  const { default: lint } = await load("@commitlint/lint");
  const config = locate("@commitlint/config-conventional");
  const { rules, parserPreset } = await loadConfig({ extends: [join(config.folder, config.about.main)] });
  const options = parserPreset ? { parserOpts: parserPreset.parserOpts } : {};
  return async (message) => (await lint(message, rules, options)).valid;
}

const messages = JSON.parse(readFileSync(file, "utf8"));
const check = await (tool === "commitlint" ? commitlint() : parser());
const { version } = locate(tool === "commitlint" ? "@commitlint/lint" : tool).about;
for await (const _ of createInterface({ input: process.stdin })) {
  let valid = 0;
  const started = process.hrtime.bigint();
  for (const message of messages) {
    const answer = check(message);
    valid += (answer instanceof Promise ? await answer : answer) ? 1 : 0;
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  console.log(JSON.stringify({ version, seconds, valid }));
}
