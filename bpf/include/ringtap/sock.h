/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: the kernel's types, addresses, and the way from a file descriptor to its socket. */
#pragma once

#include <ringtap/task.h>

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOL_SOCKET 1
#define SO_ERROR 4
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262

#define RCV_SHUTDOWN 1 /* sk_shutdown */

#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* enum of include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11

KERNEL_TYPES_BEGIN

/* include/net/sock.h; the last one's number is another on each kernel: bpf_core_enum_value(). */
enum sock_flags {
	SOCK_DEAD, /* no descriptor is left */
	SOCK_DONE,
	SOCK_RCU_FREE,
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	__u16 skc_num; /* the local port, host order */
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	union {
		unsigned long skc_flags;
		struct sock *skc_listener; /* of a struct request_sock */
	};
	atomic64_t skc_cookie; /* 0: no one has asked for it */
};

struct request_sock {
	struct sock_common __req_common;
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	int sk_err_soft;
	__u8 sk_shutdown;
	__u16 sk_protocol;
	__u16 sk_type;
	__u32 sk_max_ack_backlog;
	struct socket *sk_socket;
};

struct inet_sock {
	__u16 inet_sport;
};

struct inet_connection_sock {
	void *icsk_ulp_data;
};

struct tcp_sock {
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_received;
	__u64 bytes_acked;     /* SYN and FIN included */
	__u64 tcp_clock_cache; /* when it read the clock last, CLOCK_MONOTONIC */
	__u64 tcp_wstamp_ns;   /* when the last segment was sent, CLOCK_MONOTONIC */
	__u32 retrans_stamp;   /* the low bits of when the SYN was first sent, in milliseconds */
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq; /* behind the last byte that was sent; a FIN has a number too */
	__u32 rcv_nxt;
	__u32 copied_seq; /* behind the last byte, or FIN, that the program has received */
	__u32 total_retrans;
	__u32 srtt_us; /* smoothed round-trip time, microseconds << 3 */
	bool is_mptcp; /* a subflow; absent without CONFIG_MPTCP, as the two structs below are */
};

struct mptcp_subflow_context {
	struct sock *conn; /* the MPTCP socket */
};

struct mptcp_sock {
	struct sock *first; /* its first subflow */
};

struct socket {
	struct sock *sk;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

KERNEL_TYPES_END

/* One of enum sock_flags. */
static __always_inline bool has_flag(struct sock *sk, unsigned int flag)
{
	return READ(sk, __sk_common.skc_flags) & (1ul << flag);
}

static __always_inline bool is_of_ip(struct sock *sk)
{
	__u16 family = READ(sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

static __always_inline bool is_tcp_sock(struct sock *sk)
{
	return READ(sk, sk_protocol) == IPPROTO_TCP && READ(sk, sk_type) == SOCK_STREAM &&
	       is_of_ip(sk);
}

/*
 * When a TCP socket sent last, ns, if that was all that the program has given it, so that it is no
 * earlier than the call that gave it the last byte (tcp_write_xmit(), net/ipv4/tcp_output.c, reads
 * the clock first). 0 for any other socket, and where the clock itself costs no more to read.
 */
static __always_inline __u64 sent_time(struct sock *sk)
{
	struct tcp_sock *tcp = (void *)sk;

	if (!has_casts() || READ(sk, sk_protocol) != IPPROTO_TCP ||
	    READ(tcp, snd_nxt) != READ(tcp, write_seq))
		return 0;
	return READ(tcp, tcp_clock_cache);
}

/* The first subflow of an MPTCP socket, NULL when it has gone. */
static __always_inline struct sock *first_subflow(struct sock *sk)
{
	struct mptcp_sock *mptcp = (void *)sk;

	return bpf_core_field_exists(mptcp->first) ? READ(mptcp, first) : NULL;
}

/* The MPTCP socket of a subflow; NULL for any other TCP socket. */
static __always_inline struct sock *mptcp_sock_of(struct sock *sk)
{
	struct inet_connection_sock *icsk = (void *)sk;
	struct mptcp_subflow_context *context;
	struct tcp_sock *tcp = (void *)sk;

	if (!bpf_core_field_exists(tcp->is_mptcp) || !READ(tcp, is_mptcp))
		return NULL;
	context = READ(icsk, icsk_ulp_data);
	return context ? READ(context, conn) : NULL;
}

/* A TCP socket itself, of an MPTCP socket its first subflow, else NULL. */
static __always_inline struct sock *tcp_sock_behind(struct sock *sk)
{
	if (sk && READ(sk, sk_protocol) == IPPROTO_MPTCP)
		sk = first_subflow(sk);
	return sk && is_tcp_sock(sk) ? sk : NULL;
}

/* The socket behind a file, NULL for any other file. */
static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;

	if ((READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = READ(file, private_data);
	return READ(socket, sk);
}

/* The TCP socket behind a file, of an MPTCP socket its first subflow, else NULL. */
static __always_inline struct sock *tcp_sock_of(struct file *file)
{
	return tcp_sock_behind(sock_of(file));
}

/* The file behind a descriptor of the current task, else NULL. */
static __always_inline struct file *file_of(__u32 fd)
{
	struct fdtable *table = READ(current_task(), files, fdt);
	struct file **files;

	if (fd >= READ(table, max_fds))
		return NULL;
	files = READ(table, fd);
	return (void *)word_at(files + fd);
}
