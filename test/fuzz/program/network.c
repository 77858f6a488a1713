/* The network namespace of a run, and what its kernel counts. */
#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/inet_diag.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define CONNECTIONS 1024

/* ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, CLOSING. */
#define ESTABLISHED_STATES (1 << 1 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11)

/* A socket, by its cookie: what sock_diag has shown of it last. */
struct connection {
	uint64_t cookie;
	uint64_t received; /* payload */
	bool was_established;
	int last_state; /* 0: it has gone */
};

static struct connection connections[CONNECTIONS];
static int connections_count;
static int diag = -1;

static void up(int fd, const char *device)
{
	struct ifreq request = { 0 };

	strcpy(request.ifr_name, device);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		fail(device);
}

static void set_up_address(int fd)
{
	struct ifreq request = { 0 };
	struct sockaddr_in *address = (void *)&request.ifr_addr;

	strcpy(request.ifr_name, "silent");
	address->sin_family = AF_INET;
	inet_pton(AF_INET, "198.51.100.1", &address->sin_addr);
	if (ioctl(fd, SIOCSIFADDR, &request))
		fail("SIOCSIFADDR");
	inet_pton(AF_INET, "255.255.255.0", &address->sin_addr);
	if (ioctl(fd, SIOCSIFNETMASK, &request))
		fail("SIOCSIFNETMASK");
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

/* A loopback device, and one whose packets nobody reads: what is connected to there is silent. */
void make_network(void)
{
	struct ifreq tun = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd, device = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (unshare(CLONE_NEWNET))
		fail("unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(tun.ifr_name, "silent");
	if (device < 0)
		fail("/dev/net/tun");
	close(device);
	device = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (ioctl(device, TUNSETIFF, &tun))
		fail("TUNSETIFF");
	up(fd, "lo");
	set_up_address(fd);
	up(fd, "silent");
	close(fd);
	write_file("/proc/sys/net/ipv4/tcp_fastopen", "1");
	diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (diag < 0)
		fail("NETLINK_SOCK_DIAG");
}

static struct connection *connection_of(uint64_t cookie)
{
	for (int i = 0; i < connections_count; i++)
		if (connections[i].cookie == cookie)
			return &connections[i];
	if (connections_count == CONNECTIONS)
		return &connections[0];
	connections[connections_count].cookie = cookie;
	return &connections[connections_count++];
}

/* A FIN counts as a byte in bytes_received, so it is read only where none has come yet. */
static void take(const struct inet_diag_msg *message, size_t length)
{
	uint64_t cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0];
	struct connection *connection;
	struct rtattr *part = (void *)(message + 1);
	struct tcp_info info = { 0 };
	int left = (int)(length - sizeof(*message));

	if (message->idiag_state == STATE_LISTEN || message->idiag_state == STATE_TIME_WAIT)
		return;
	while (RTA_OK(part, left)) {
		if (part->rta_type == INET_DIAG_INFO)
			memcpy(&info, RTA_DATA(part),
			       RTA_PAYLOAD(part) < sizeof(info) ? RTA_PAYLOAD(part) : sizeof(info));
		part = RTA_NEXT(part, left);
	}
	connection = connection_of(cookie);
	connection->last_state = message->idiag_state;
	if (1 << message->idiag_state & ESTABLISHED_STATES)
		connection->was_established = true;
	if (connection->last_state == STATE_ESTABLISHED ||
	    connection->last_state == STATE_FIN_WAIT1 || connection->last_state == STATE_FIN_WAIT2)
		connection->received = info.tcpi_bytes_received;
}

static void read_family(int family)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} ask = { .header = { .nlmsg_len = sizeof(ask),
			      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		  .request = { .sdiag_family = (uint8_t)family,
			       .sdiag_protocol = IPPROTO_TCP,
			       .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			       .idiag_states = ~0u } };
	static char answer[65536];

	if (send(diag, &ask, sizeof(ask), 0) < 0)
		fail("sock_diag");
	for (;;) {
		long length = recv(diag, answer, sizeof(answer), 0);
		struct nlmsghdr *message = (void *)answer;

		if (length < 0)
			fail("sock_diag");
		for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
			if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
				return;
			take(NLMSG_DATA(message), message->nlmsg_len - NLMSG_HDRLEN);
		}
	}
}

void read_connections(void)
{
	for (int i = 0; i < connections_count; i++)
		connections[i].last_state = 0;
	read_family(AF_INET);
	read_family(AF_INET6);
}

void write_connections(void)
{
	for (int i = 0; i < connections_count; i++)
		printf("socket %llu %llu %d %d\n", (unsigned long long)connections[i].cookie,
		       (unsigned long long)connections[i].received, connections[i].was_established,
		       connections[i].last_state);
}

void write_snmp(void)
{
	static const char *paths[] = { "/proc/thread-self/net/snmp",
				       "/proc/thread-self/net/netstat" };
	char line[8192];

	for (int i = 0; i < 2; i++) {
		FILE *file = fopen(paths[i], "re");

		if (!file)
			fail(paths[i]);
		while (fgets(line, sizeof(line), file))
			if (!strncmp(line, "Tcp", 3))
				printf("snmp %s", line);
		fclose(file);
	}
}
