/**
 * The sources of the package as syntax trees: what the tests of this folder look at.
 *
 * Tests beside the code are left out: they may do what the code may not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const repositoryFolder = fileURLToPath(new URL("../../", import.meta.url));
const sourceFolder = join(repositoryFolder, "packages/perdure/src");

export interface SourceImport {
  /** As written: `../store.ts`, `node:fs`, `devalue`. */
  specifier: string;
  /** Path below `src` when the import stays within the package; null otherwise. */
  target: string | null;
  /** Nothing of it is left when the program runs. */
  isTypeOnly: boolean;
  /** Read when it is needed, not when the module is loaded. */
  isDynamic: boolean;
  line: number;
}

export interface SourceFile {
  /** Below `src`, with `/`: `runtime/worker.ts`. */
  path: string;
  text: string;
  tree: ts.SourceFile;
  imports: SourceImport[];
  /** Lines of `export … from`. */
  reExportLines: number[];
}

let read: SourceFile[] | undefined;

/** All sources, by path. */
export function sourceFiles(): SourceFile[] {
  return (read ??= listFiles(sourceFolder)
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => readSource(join(sourceFolder, path)))
    .sort((a, b) => (a.path < b.path ? -1 : 1)));
}

/** Paths below a folder, with `/`. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

export function lineOf(file: SourceFile, node: ts.Node): number {
  return file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1;
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function readSource(absolutePath: string): SourceFile {
  const text = readFileSync(absolutePath, "utf8");
  const tree = ts.createSourceFile(absolutePath, text, ts.ScriptTarget.Latest, true);
  const file: SourceFile = {
    path: relative(sourceFolder, absolutePath).replaceAll("\\", "/"),
    text,
    tree,
    imports: [],
    reExportLines: [],
  };
  walk(tree, (node) => {
    const found = readImport(node);
    if (!found) return;
    const target = found.specifier.startsWith(".")
      ? relative(sourceFolder, join(dirname(absolutePath), found.specifier)).replaceAll("\\", "/")
      : null;
    file.imports.push({ ...found, target, line: lineOf(file, node) });
    if (ts.isExportDeclaration(node)) file.reExportLines.push(lineOf(file, node));
  });
  return file;
}

function readImport(node: ts.Node): Pick<SourceImport, "specifier" | "isTypeOnly" | "isDynamic"> | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const { importClause } = node;
    const bindings = importClause?.namedBindings;
    const areAllTypes =
      importClause !== undefined &&
      importClause.name === undefined &&
      bindings !== undefined &&
      ts.isNamedImports(bindings) &&
      bindings.elements.length > 0 &&
      bindings.elements.every((element) => element.isTypeOnly);
    const isTypeOnly = importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || areAllTypes;
    return { specifier: node.moduleSpecifier.text, isTypeOnly, isDynamic: false };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, isTypeOnly: node.isTypeOnly, isDynamic: false };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    if (argument && ts.isStringLiteral(argument)) {
      return { specifier: argument.text, isTypeOnly: false, isDynamic: true };
    }
  }
  return undefined;
}
