/** Values checked by a Standard Schema (zod, valibot, arktype …). */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { PerdureError } from "../errors.ts";

/**
 * The value as the schema gives it.
 *
 * @throws PerdureError `INVALID_INPUT` or `INVALID_OUTPUT` with the path of each complaint.
 */
export async function checkSchema(
  schema: StandardSchemaV1,
  value: unknown,
  code: "INVALID_INPUT" | "INVALID_OUTPUT",
  what: string,
): Promise<unknown> {
  const checked = await schema["~standard"].validate(value);
  if (!checked.issues) return checked.value;
  const complaints = checked.issues.slice(0, 10).map((issue) => {
    const path = (issue.path ?? [])
      .map((part) => String(typeof part === "object" ? part.key : part))
      .join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  const more = checked.issues.length > 10 ? ` (and ${checked.issues.length - 10} more)` : "";
  throw new PerdureError(code, `${what} does not fit its schema. ${complaints.join("; ")}${more}`);
}
