import { expect, test } from "vitest";
import { printable, shorten, textWidth } from "./display-text.ts";

test("nothing that a user's text holds reaches the terminal as a command", () => {
  const hostile = "a\u001b[31mred\u001b]0;title\u0007\u009b2J\r\nb\u0008\u202edlrow\u200b\ud800";
  expect(printable(hostile)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u200b]/);
  expect(printable(hostile)).toMatch(/^ared.*b.*dlrow/);
});

test("widths are columns: wide characters take two, marks none", () => {
  expect(textWidth("漢字")).toBe(4);
  expect(textWidth("e\u0301")).toBe(1);
  expect(textWidth("\u001b[1mbold\u001b[22m")).toBe(4);
  expect(shorten("漢字漢字", 5)).toBe("漢字…");
  expect(shorten("short", 5)).toBe("short");
});
