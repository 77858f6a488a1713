/** DNS: the types of questions and the codes of responses, as IANA names them ("Domain Name System (DNS) Parameters"). */
import type { Protocol } from "./protocol.js";

/** Types by their numbers; `ANY` is IANA's `*`. */
const types = new Map(
  Object.entries({
    A: 1,
    NS: 2,
    CNAME: 5,
    SOA: 6,
    NULL: 10,
    PTR: 12,
    HINFO: 13,
    MX: 15,
    TXT: 16,
    RP: 17,
    AFSDB: 18,
    SIG: 24,
    KEY: 25,
    AAAA: 28,
    LOC: 29,
    SRV: 33,
    NAPTR: 35,
    KX: 36,
    CERT: 37,
    DNAME: 39,
    OPT: 41,
    APL: 42,
    DS: 43,
    SSHFP: 44,
    IPSECKEY: 45,
    RRSIG: 46,
    NSEC: 47,
    DNSKEY: 48,
    DHCID: 49,
    NSEC3: 50,
    NSEC3PARAM: 51,
    TLSA: 52,
    SMIMEA: 53,
    HIP: 55,
    CDS: 59,
    CDNSKEY: 60,
    OPENPGPKEY: 61,
    CSYNC: 62,
    ZONEMD: 63,
    SVCB: 64,
    HTTPS: 65,
    SPF: 99,
    EUI48: 108,
    EUI64: 109,
    TKEY: 249,
    TSIG: 250,
    IXFR: 251,
    AXFR: 252,
    ANY: 255,
    URI: 256,
    CAA: 257,
  }).map(([name, number]) => [number, name] as const),
);

/** DNS_TYPES of bpf/l7/protocols/dns.h: a bit for each type that has a name. */
const typeBits = new Uint8Array(1024 / 8);
for (const number of types.keys()) {
  typeBits[number >> 3] = (typeBits[number >> 3] as number) | (1 << (number & 7));
}

/** By number; those behind NOTZONE are of DNS Stateful Operations, TSIG, TKEY and cookies. */
const codes = new Map(
  [
    ...["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH"],
    ...["NOTZONE", "DSOTYPENI", "", "", "", "", "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG"],
    ...["BADTRUNC", "BADCOOKIE"],
  ].flatMap((name, number) => (name === "" ? [] : [[number, name] as const])),
);

/** In place of a type or a code that has no name here. */
const other = "_OTHER";

const operation = (number: number): string => types.get(number) ?? other;

/** A status is the response's code and 1, since 0 is no response. */
const codeOf = (status: number): string => (status === 0 ? "" : (codes.get(status - 1) ?? other));

const failingStatus = 2;

export const dns: Protocol = {
  name: "dns",
  metrics: {
    client: {
      name: "dns_lookup_duration_seconds",
      help: "Duration of DNS questions sent, until their response has been received.",
    },
    // OpenTelemetry has a name for the client's end alone.
    server: {
      name: "ringtap_dns_server_lookup_duration_seconds",
      help: "Duration of DNS questions received, until their response has been sent.",
    },
    told: { by: "names", client: ["dns_question_name"], server: ["dns_question_name"] },
    labels: ["dns_question_type", "dns_response_code", "error_type"],
  },
  constants: { dns_types: typeBits },
  failingStatus,
  operation,
  code: (status) => (status < failingStatus ? undefined : codeOf(status)),
  values: (number, status, error) => [
    operation(number),
    codeOf(status),
    error === "" && status >= failingStatus ? codeOf(status) : error,
  ],
};
