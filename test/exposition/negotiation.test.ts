import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptsGzip, chooseFormat } from "../../src/exposition/negotiation.js";

const text = "text/plain; version=0.0.4; charset=utf-8";
const newText = "text/plain; version=1.0.0; charset=utf-8";
const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

function contentType(accept: string | undefined): string {
  return chooseFormat(accept).contentType;
}

test("who sends no Accept, or names nothing that there is, gets the text format 0.0.4", () => {
  for (const accept of [undefined, "", " ", ",", ";", "nonsense", "application/json", "text/html", "image/*;q=0.9"]) {
    assert.deepEqual(chooseFormat(accept), { format: "text", contentType: text }, accept);
  }
  const refused = ["text/plain;q=0", "application/openmetrics-text;version=0.0.2", "text/plain;version=0.0.5"];
  for (const accept of refused) {
    assert.equal(contentType(accept), text, accept);
  }
});

test("what scrapers and browsers send", () => {
  // Prometheus 2.42 (scrape/scrape.go).
  const prometheus2 =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  assert.deepEqual(chooseFormat(prometheus2), {
    format: "openmetrics",
    contentType: `${openMetrics}; escaping=underscores`,
  });
  // The same with --enable-feature=native-histograms.
  const native = `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,${prometheus2.replace("1.0.0,", "1.0.0;q=0.8,")}`;
  assert.deepEqual(chooseFormat(native), { format: "protobuf", contentType: protobuf });
  // Prometheus 3 (config/config.go).
  const prometheus3 =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  assert.equal(contentType(prometheus3), `${openMetrics}; escaping=allow-utf-8`);
  const textFirst = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
  assert.deepEqual(chooseFormat(textFirst), { format: "text", contentType: `${newText}; escaping=allow-utf-8` });
  // Older Prometheus 2.
  assert.deepEqual(
    chooseFormat("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
    { format: "openmetrics", contentType: "application/openmetrics-text; version=0.0.1; charset=utf-8" },
  );
  // Prometheus 1 and many agents.
  assert.equal(contentType("text/plain;version=0.0.4;q=1,*/*;q=0.1"), text);
  assert.equal(contentType("*/*"), text);
  const firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
  assert.equal(contentType(firefox), text);
});

test("the weightiest wins, of equally weighty ones the first", () => {
  assert.equal(
    contentType("text/plain;q=0.2, application/openmetrics-text;q=0.3").split(";")[0],
    openMetrics.split(";")[0],
  );
  assert.equal(contentType("application/openmetrics-text;q=0.2, text/plain;q=0.3"), text);
  assert.match(contentType("application/openmetrics-text, text/plain"), /^application/);
  assert.equal(contentType("text/plain, application/openmetrics-text"), text);
  assert.match(contentType("text/plain;version=1.0.0, text/plain;version=0.0.4"), /version=1/);
  assert.equal(contentType("text/plain"), text);
  assert.equal(contentType("text/*"), text);
  assert.match(contentType("application/*"), /^application\/openmetrics-text/);
});

test("the range that names a format most closely speaks of it, wherever it stands", () => {
  assert.match(contentType("*/*, text/plain;q=0"), /^application\/openmetrics-text/);
  assert.match(contentType("text/*;q=0, */*;q=0.1"), /^application\/openmetrics-text/);
  assert.match(contentType("text/plain;q=0.9, text/plain;version=0.0.4;q=0.1"), /version=1/);
});

test("protobuf for those who want families delimited, or do not say", () => {
  const type = "application/vnd.google.protobuf";
  for (const parameters of ["", ";encoding=delimited", ";proto=io.prometheus.client.MetricFamily"]) {
    assert.equal(contentType(`${type}${parameters}`), protobuf, parameters);
  }
  for (const parameters of [";encoding=text", ";encoding=compact-text", ";proto=google.protobuf.Any"]) {
    assert.equal(contentType(`${type}${parameters}`), text, parameters);
  }
});

test("spelling: cases, spaces, quotes, parameters of others", () => {
  const one = `${openMetrics}; escaping=values`;
  for (const accept of [
    "application/openmetrics-text;version=1.0.0;escaping=values",
    "Application/OpenMetrics-Text ; Version=1.0.0 ; Escaping=values ; Q=0.5",
    'application/openmetrics-text; version="1.0.0"; escaping="values"',
    'application/openmetrics-text; version="1\\.0.0"; escaping=values; note="a, b; q=0"',
    'text/html;note=",text/plain", application/openmetrics-text;escaping=values;charset=utf-8',
  ]) {
    assert.equal(contentType(accept), one, accept);
  }
});

test("a weight that is none takes its range out", () => {
  for (const weight of ["x", "2", "-1", "1.1", "0.1234", "", "0x1", "1e-1", "NaN"]) {
    assert.equal(contentType(`application/openmetrics-text;q=${weight}`), text, weight);
  }
  for (const weight of ["1", "1.", "1.000", "0.001", "0.5", ".5"]) {
    assert.match(contentType(`application/openmetrics-text;q=${weight}`), /^application/, weight);
  }
});

test("an escaping that would not be true of the answer, or that nobody knows, is not confirmed", () => {
  const answered = (escaping: string) =>
    contentType(`text/plain;version=1.0.0;escaping=${escaping}`).split("escaping=")[1];
  for (const escaping of ["allow-utf-8", "allow-utf8", "underscores", "values"]) {
    assert.equal(answered(escaping), escaping);
  }
  for (const escaping of ["dots", "", "x\r\nSet-Cookie: y", '"', "ALLOW-UTF-8"]) {
    assert.equal(answered(escaping), "underscores", escaping);
  }
});

test("gzip for those who name it, or anything", () => {
  for (const header of ["gzip", "deflate, GZIP;q=0.5", "*", "br;q=1.0, *;q=0.1", "gzip;q=0.001", "identity, gzip"]) {
    assert.ok(acceptsGzip(header), header);
  }
  for (const header of [
    undefined,
    "",
    "identity",
    "gzip;q=0",
    "gzip; q=0.000, *",
    "br",
    "*;q=0",
    "gzip;q=high",
    "identity, gzip;q=0.5",
  ]) {
    assert.ok(!acceptsGzip(header), header);
  }
});
