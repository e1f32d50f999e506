// Puts answers through the schemas of npm's @vercel/sdk; what does not fit is printed as JSON.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [models] = process.argv.slice(2);
const problems = new Set();

function describe(issues, depth = 0) {
  return issues.flatMap((issue) =>
    issue.unionErrors && depth < 3
      ? issue.unionErrors.flatMap((each) => describe(each.issues, depth + 1))
      : [`${issue.path.join("/")}: ${issue.message}`]);
}

for (const { operation, model, schema, answer } of JSON.parse(readFileSync(0, "utf8"))) {
  const module = await import(pathToFileURL(`${models}/${model}`).href);
  const parsed = module[schema].safeParse(answer);
  if (!parsed.success) {
    for (const problem of describe(parsed.error.issues)) problems.add(`${operation}: answer ${problem}`);
  }
}
process.stdout.write(JSON.stringify([...problems]));
