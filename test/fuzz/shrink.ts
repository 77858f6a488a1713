/** Making a failing list of operations small: delta debugging. */

/**
 * A part of `lines` for which `fails` holds, such that it holds without none of its halves, quarters, … and single lines, as far as
 * `isTimeUp` lets it go on. `fails` must hold for `lines`.
 */
export async function shrink(
  lines: readonly string[],
  fails: (lines: readonly string[]) => Promise<boolean>,
  isTimeUp: () => boolean,
): Promise<readonly string[]> {
  let smallest = lines;
  for (let size = Math.ceil(lines.length / 2); size >= 1;) {
    let hasShrunk = false;
    for (let at = 0; at < smallest.length && !isTimeUp();) {
      const without = [...smallest.slice(0, at), ...smallest.slice(at + size)];
      if (without.length > 0 && (await fails(without))) {
        smallest = without;
        hasShrunk = true;
      } else {
        at += size;
      }
    }
    if (isTimeUp()) {
      break;
    }
    if (size > 1) {
      size = Math.ceil(size / 2);
    } else if (!hasShrunk) {
      break;
    }
  }
  return smallest;
}
