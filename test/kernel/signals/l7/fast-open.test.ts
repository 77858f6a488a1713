/** l7 of connections whose first request goes with the SYN (TCP Fast Open). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { it } from "node:test";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { compileProgram } from "../../support/program.js";
import { sum } from "../../support/samples.js";

/** Five connections of one request each; from the second one on, the client has the cookie that lets it send with the SYN. */
const source = `
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static const char request[] = "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n";
static const char response[] = "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n";
int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9001), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), queue = 16;
	char bytes[256];
	if (setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)) || bind(listener, (void *)&at, sizeof(at)) || listen(listener, 8))
		return 1;
	if (fork() == 0) {
		prctl(PR_SET_NAME, "rt-open-c");
		for (int i = 0; i < 5; i++) {
			int fd = socket(AF_INET, SOCK_STREAM, 0);
			if (sendto(fd, request, sizeof(request) - 1, MSG_FASTOPEN, (void *)&at, sizeof(at)) < 0 || read(fd, bytes, sizeof(bytes)) <= 0)
				_exit(1);
			close(fd);
		}
		_exit(0);
	}
	prctl(PR_SET_NAME, "rt-open-s");
	for (int i = 0; i < 5; i++) {
		int fd = accept(listener, 0, 0);
		if (read(fd, bytes, sizeof(bytes)) <= 0 || write(fd, response, sizeof(response) - 1) <= 0)
			return 1;
		read(fd, bytes, 1);
		close(fd);
	}
	int status;
	wait(&status);
	return status != 0;
}`;

it("l7 counts a request that goes with the SYN, at both ends", async (test) => {
  const program = compileProgram("rt-open", source);
  const agent = await startAgent(test, ["--signals=l7", "--l7.comms=rt-open-c,rt-open-s", ...unlimitedSeries]);
  await agent.scrape();
  const prepare = "ip link set lo up && sysctl -qw net.ipv4.tcp_fastopen=3";
  const used = "nstat -asz TcpExtTCPFastOpenPassive | grep -q 'Passive *4 '";
  execFileSync("unshare", ["-n", "sh", "-ec", `${prepare}; ${program}; ${used}`]);
  const samples = await agent.scrape();
  for (const [role, comm] of [
    ["client", "rt-open-c"],
    ["server", "rt-open-s"],
  ]) {
    assert.equal(sum(samples, `http_${role}_request_duration_seconds_count`, { comm: comm ?? "" }), 5, role);
    assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { comm: comm ?? "" }), 0, role);
    assert.equal(sum(samples, "ringtap_l7_bytes_total", { comm: comm ?? "", kind: "parsed" }), 5 * (27 + 38), role);
  }
});
