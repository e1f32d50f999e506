// The rules of commitlint's config-conventional that each message breaks, errors alone, as JSON.
import { readFileSync } from "node:fs";
import lint from "@commitlint/lint";
import load from "@commitlint/load";

const { rules, parserPreset } = await load({ extends: ["@commitlint/config-conventional"] });
const told = [];
for (const message of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const { errors } = await lint(message, rules, { parserOpts: parserPreset.parserOpts });
  told.push(errors.map(({ name }) => name));
}
process.stdout.write(JSON.stringify(told));
