/** The words for what the kernel's programs number. */
import { keysOf } from "ringtap/signal";

import { BlockOperation, BlockOrigin } from "./records.js";

export const operations = keysOf(BlockOperation);
export const origins = keysOf(BlockOrigin);

/** The errno of a blk_status_t as programs get it: blk_errors[] of block/blk-core.c. All others are EIO. */
const ofStatus: readonly string[] = [
  "",
  "EOPNOTSUPP",
  "ETIMEDOUT",
  "ENOSPC",
  "ENOLINK",
  "EREMOTEIO",
  "EBADE",
  "ENODATA",
  "EILSEQ",
  "ENOMEM",
  "EIO",
  "EREMCHG",
  "EAGAIN",
  "EBUSY",
  "ETOOMANYREFS",
  "EOVERFLOW",
  "ENODEV",
  "ETIME",
  "EINVAL",
];

/** A blk_status_t, and not an errno: STATUS of bpf/block/request_counts.h. */
const status = 0x8000;

/** The name of an error as lines and records have it; "" for 0. */
export function errorName(error: number, errnoName: (errno: number) => string): string {
  if (error === 0) {
    return "";
  }
  return error >= status ? (ofStatus[error - status] ?? "EIO") : errnoName(error);
}
