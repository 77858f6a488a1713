/** The types that BTF describes. */

/** Kinds of types: BTF_KIND_* of include/uapi/linux/btf.h. */
export const kinds = {
  void: 0,
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** A member of a struct or union. */
export interface Member {
  /** Empty for an anonymous struct or union, whose members count as the outer one's. */
  readonly name: string;
  readonly type: number;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** Bits of a bitfield, else 0. */
  readonly bitSize: number;
}

/** A type; what a kind does not have is 0 or empty. */
export interface Type {
  readonly id: number;
  readonly kind: number;
  readonly name: string;
  /** Bytes of an int, enum, struct or union. */
  readonly size: number;
  /** What it points to, stands for, or holds (of an array: its elements). */
  readonly type: number;
  /** Of an int or enum. */
  readonly signed: boolean;
  /** Elements of an array. */
  readonly count: number;
  readonly members: readonly Member[];
}

/** A parameter of a function. */
export interface Parameter {
  readonly name: string;
  readonly type: number;
}
