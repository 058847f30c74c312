/** Every name that users can import: none comes or goes unnoticed, and each is explained. */
import assert from "node:assert/strict";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { packageFolder, repositoryFolder } from "./packed-package.ts";

const entryPoints = { perdure: "index.ts", "perdure/sqlite": "sqlite.ts", "perdure/testing": "testing.ts" };

interface PublicName {
  entry: string;
  name: string;
  kind: string;
  docs: string;
  /** Members that are part of what users call or read, without a docblock of their own. */
  bareMethods: string[];
}

const names = readPublicNames();

test("the public names are those of the snapshot", async () => {
  const text = names.map(({ entry, name, kind }) => `${entry}: ${kind} ${name}\n`).join("");
  await expect(text).toMatchFileSnapshot("public-names.txt");
});

test("every public name has a docblock", () => {
  const bare = names.filter(({ docs }) => docs === "").map(({ entry, name }) => `${entry}: ${name}`);
  assert.deepEqual(bare, []);
});

test("every method of a public class has a docblock", () => {
  assert.deepEqual(
    names.flatMap(({ name, bareMethods }) => bareMethods.map((method) => `${name}.${method}()`)),
    [],
  );
});

test("no public name is exported twice under different meanings", () => {
  const seen = new Map<string, string>();
  for (const { entry, name } of names) {
    assert.ok(!seen.has(name), `${name} is in ${seen.get(name) ?? ""} and in ${entry}`);
    seen.set(name, entry);
  }
});

function readPublicNames(): PublicName[] {
  const paths = Object.values(entryPoints).map((file) => join(packageFolder, "src", file));
  const { config } = ts.readConfigFile(
    join(repositoryFolder, "tsconfig.json"),
    ts.sys.readFile.bind(ts.sys),
  ) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repositoryFolder);
  const program = ts.createProgram(paths, { ...options, paths: {}, types: [] });
  const checker = program.getTypeChecker();
  return Object.entries(entryPoints).flatMap(([entry, file]) => {
    const source = program.getSourceFile(join(packageFolder, "src", file))!;
    const module = checker.getSymbolAtLocation(source)!;
    return checker
      .getExportsOfModule(module)
      .map((symbol) => readName(checker, entry, symbol))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  });
}

function readName(checker: ts.TypeChecker, entry: string, exported: ts.Symbol): PublicName {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const declaration = symbol.declarations?.[0];
  const isTypeOnly =
    (symbol.flags & (ts.SymbolFlags.Value | ts.SymbolFlags.Class)) === 0 ||
    (exported.declarations ?? []).some(
      (one) => ts.isExportSpecifier(one) && (one.isTypeOnly || one.parent.parent.isTypeOnly),
    );
  return {
    entry,
    name: exported.name,
    kind: isTypeOnly ? "type" : kindOf(symbol),
    docs: documentation(checker, symbol),
    bareMethods:
      declaration && ts.isClassDeclaration(declaration)
        ? declaration.members
            .filter((member) => ts.isMethodDeclaration(member) && !ts.isPrivateIdentifier(member.name))
            .map((member) => checker.getSymbolAtLocation(member.name!)!)
            .filter((method) => documentation(checker, method) === "")
            .map((method) => method.name)
        : [],
  };
}

/** A declared function may have its docblock on a call signature, as `step` has. */
function documentation(checker: ts.TypeChecker, symbol: ts.Symbol): string {
  const own = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
  if (own !== "" || !symbol.valueDeclaration) return own;
  const type = checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration);
  return type
    .getCallSignatures()
    .map((signature) => ts.displayPartsToString(signature.getDocumentationComment(checker)).trim())
    .join("");
}

function kindOf(symbol: ts.Symbol): string {
  if (symbol.flags & ts.SymbolFlags.Class) return "class";
  if (symbol.flags & ts.SymbolFlags.Function) return "function";
  return "value";
}
