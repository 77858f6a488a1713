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

/* A socket, by its cookie: what sock_diag has shown of it last. */
struct connection {
	uint64_t cookie;
	uint64_t received; /* payload */
	int state;	   /* 0: it has gone */
	bool is_there;
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
	open_capture();
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

static void set_state(struct connection *connection, int state)
{
	if (connection->state != state)
		log_socket("state", connection->cookie, (uint64_t)state);
	connection->state = state;
}

/* The peer's FIN counts as a byte in tcpi_bytes_received: tcp_rcv_nxt_update(), tcp_fin(). */
static bool has_fin(int state)
{
	return state == STATE_CLOSE_WAIT || state == STATE_LAST_ACK || state == STATE_CLOSING;
}

static void take(const struct inet_diag_msg *message, size_t length)
{
	uint64_t cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0];
	struct rtattr *part = (void *)(message + 1);
	int left = (int)(length - sizeof(*message)), state = message->idiag_state;
	struct connection *connection;
	struct tcp_info info = { 0 };
	uint64_t received;

	if (state == STATE_LISTEN)
		return;
	while (RTA_OK(part, left)) {
		if (part->rta_type == INET_DIAG_INFO)
			memcpy(&info, RTA_DATA(part),
			       RTA_PAYLOAD(part) < sizeof(info) ? RTA_PAYLOAD(part) : sizeof(info));
		part = RTA_NEXT(part, left);
	}
	/* What stands for a socket in TIME_WAIT, or in FIN_WAIT2 without a descriptor, has none. */
	if (!info.tcpi_state)
		return;
	connection = connection_of(cookie);
	connection->is_there = true;
	set_state(connection, state);
	received = info.tcpi_bytes_received - has_fin(state);
	if (connection->received != received)
		log_socket("received", cookie, received);
	connection->received = received;
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

void read_connections(bool can_have_closed)
{
	read_capture();
	for (int i = 0; i < connections_count; i++)
		connections[i].is_there = false;
	read_family(AF_INET);
	read_family(AF_INET6);
	for (int i = 0; i < connections_count; i++)
		if (!connections[i].is_there) {
			/* A SYN that was sent again, a second later, has found no listener. */
			if (connections[i].state == STATE_SYN_SENT && !can_have_closed)
				log_socket("refused", connections[i].cookie, 0);
			set_state(&connections[i], 0);
			connections[i].received = 0;
		}
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
