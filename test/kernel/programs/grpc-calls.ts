/**
 * A server or a client of gRPC's own library for Node.js (@grpc/grpc-js), with methods of each of its kinds: `server PORT` and
 * `client PORT`. What a call is to end with, its message says: the number of a code.
 *
 * Each line of the server's input is answered with the calls that it has ended, by method and code. For each line METHOD COUNT
 * STREAMS of its own, the client makes so many calls over one connection, so many of them at once, and prints how they ended.
 */
import { createInterface } from "node:readline";

import {
  Client,
  credentials,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";

const [, , end, port = ""] = process.argv;
const address = `127.0.0.1:${port}`;
const same = (bytes: Buffer): Buffer => bytes;
const codes = 17;
const message = Buffer.alloc(3_000, "x");

function definition(method: string, requestStream: boolean, responseStream: boolean) {
  const serializers = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  return { path: `/test.Kinds/${method}`, requestStream, responseStream, ...serializers };
}

const service = {
  One: definition("One", false, false),
  Many: definition("Many", false, true),
  Upload: definition("Upload", true, false),
  Chat: definition("Chat", true, true),
  Wait: definition("Wait", false, false),
} satisfies ServiceDefinition;

type Method = keyof typeof service;

function add(counts: Record<string, number>, name: string | number): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** What makes a call end with a code. */
function failure(code: number): { code: number; details: string } {
  return { code, details: "as it was told" };
}

function serve(): void {
  const counts: Record<string, number> = {};
  const ended = (method: Method, how: number | string): void => add(counts, `${method} ${how}`);
  const answer = (method: Method, code: number, callback: sendUnaryData<Buffer>): void => {
    ended(method, code);
    if (code === 0) {
      callback(null, message);
    } else {
      callback(failure(code));
    }
  };
  /** Ends a stream of messages. */
  const finish = (
    method: Method,
    code: number,
    call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  ): void => {
    ended(method, code);
    if (code === 0) {
      call.end();
    } else {
      call.emit("error", failure(code));
    }
  };
  const server = new Server();
  server.addService(service, {
    One(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      answer("One", Number(call.request), callback);
    },
    Many(call: ServerWritableStream<Buffer, Buffer>) {
      const code = Number(call.request);
      for (let sent = 0; sent < code; sent++) {
        call.write(message);
      }
      finish("Many", code, call);
    },
    Upload(call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      let code = 0;
      call.on("data", (part: Buffer) => {
        code = part.length < 3 ? Number(part) : code;
      });
      call.on("end", () => answer("Upload", code, callback));
    },
    Chat(call: ServerDuplexStream<Buffer, Buffer>) {
      let code = 0;
      call.on("data", (part: Buffer) => {
        code = Number(part);
        call.write(message);
      });
      call.on("end", () => finish("Chat", code, call));
    },
    Wait(call: ServerUnaryCall<Buffer, Buffer>) {
      call.on("cancelled", () => ended("Wait", "cancelled"));
    },
  });
  server.bindAsync(address, ServerCredentials.createInsecure(), (error) => {
    if (error !== null) {
      throw error;
    }
    createInterface(process.stdin).on("line", () => console.log(JSON.stringify(counts)));
  });
}

/** Makes one call; resolves to the code that it ended with. */
function call(client: Client, method: Method, code: number, deadline: number | undefined): Promise<number> {
  const { path, requestStream, responseStream } = service[method];
  const options = deadline === undefined ? {} : { deadline: Date.now() + deadline };
  const request = Buffer.from(`${code}`);
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null): void => resolve(error?.code ?? status.OK);
    if (!responseStream) {
      if (!requestStream) {
        client.makeUnaryRequest(path, same, same, request, options, answered);
        return;
      }
      const upload = client.makeClientStreamRequest(path, same, same, options, answered);
      upload.write(message);
      upload.write(request);
      upload.end(message);
      return;
    }
    const bidirectional = requestStream ? client.makeBidiStreamRequest(path, same, same, options) : undefined;
    const stream = bidirectional ?? client.makeServerStreamRequest(path, same, same, request, options);
    stream.on("data", () => undefined);
    stream.on("error", () => undefined);
    stream.on("status", (ended: { code: number; metadata: Metadata }) => resolve(ended.code));
    bidirectional?.write(request);
    bidirectional?.write(request);
    bidirectional?.end();
  });
}

async function makeCalls(client: Client, method: Method, count: number, streams: number, deadline?: number) {
  const counts: Record<string, number> = {};
  let next = 0;
  const makeNext = async (): Promise<void> => {
    while (next < count) {
      add(counts, await call(client, method, next++ % codes, deadline));
    }
  };
  await Promise.all(Array.from({ length: streams }, makeNext));
  return counts;
}

async function ask(): Promise<void> {
  const client = new Client(address, credentials.createInsecure());
  for await (const line of createInterface(process.stdin)) {
    const [method, count, streams, deadline] = line.split(" ");
    const counts = await makeCalls(
      client,
      method as Method,
      Number(count),
      Number(streams),
      deadline === undefined ? undefined : Number(deadline),
    );
    console.log(JSON.stringify(counts));
  }
}

if (end === "server") {
  serve();
} else {
  await ask();
}
