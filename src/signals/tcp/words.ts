/** The words of the records' enums, by value: what labels and traced events say. */
import { keysOf } from "ringtap/signal";
import { IpFamily, TcpEventKind, TcpResult, TcpRole } from "./records.js";

export const kinds = keysOf(TcpEventKind);
export const results = keysOf(TcpResult);
export const families = keysOf(IpFamily);
export const roles = keysOf(TcpRole);
