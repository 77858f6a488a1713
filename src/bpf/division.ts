/** Division by what every kernel has. */
import type { Assembler, Variable } from "./assembler.js";

/** The quotient or remainder of two signed numbers: kernels before 6.6 divide numbers without a sign only. */
export function signedDivision(
  assembler: Assembler,
  operation: "div" | "mod",
  dividend: Variable,
  divisor: Variable,
): Variable {
  const absolute = (of: Variable): readonly [value: Variable, sign: Variable] => {
    const sign = assembler.copy(of);
    assembler.alu("shrSigned", sign, { number: 63 });
    const value = assembler.copy(of);
    assembler.alu("xor", value, sign);
    assembler.alu("sub", value, sign);
    return [value, sign];
  };
  const [a, sign] = absolute(dividend);
  const [b, otherSign] = absolute(divisor);
  assembler.alu(operation, a, b);
  if (operation === "div") {
    assembler.alu("xor", sign, otherSign);
  }
  assembler.alu("xor", a, sign);
  assembler.alu("sub", a, sign);
  return a;
}
