/*
 * The program of `npm run test:fuzz`: it reads operations from a file and does them one after the
 * other, each in the process and thread that it names, and logs what each call returned.
 * docs/reliability.md has the operations.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WORKERS 8    /* threads that do operations, at once */
#define SOCKETS 12   /* places for sockets in each process */
#define LISTENERS 4  /* ports that operations name */
#define OPS 1024     /* operations in a file */
#define ARGS 4	     /* of an operation */
#define WORD 16	     /* bytes of an argument, and of a name */
#define PROCESSES 64 /* workers' processes in a run */
#define ENTRIES 8192 /* lines of the log */

/* States of a TCP socket: include/net/tcp_states.h. */
enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_FIN_WAIT1,
	STATE_FIN_WAIT2,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING
};

/* An operation: `[~]worker name argument…`; with ~ the next ones do not wait for its end. */
struct op {
	int worker;
	bool is_async;
	char name[WORD];
	char args[ARGS][WORD];
};

/* What a call returned. */
struct entry {
	int op; /* line of the file, from 1 */
	int pid;
	char comm[WORD]; /* of the process, its first thread's */
	char what[WORD];
	long ret;
	int error;
	uint64_t a, b; /* more, by the kind of entry */
	char word[WORD];
};

/* A thread that does operations. */
struct worker {
	_Atomic uint32_t command; /* number of commands that it was given */
	_Atomic uint32_t done;	  /* and that it has done */
	_Atomic bool is_in_call;  /* is it in the call of its operation that may block? */
	_Atomic int op;		  /* of the last one; -1: to end the process */
	_Atomic bool is_alive;
	bool is_leader;
	int process;
	int tid;
	char comm[WORD]; /* the thread's own */
};

struct process {
	pid_t pid;
	int threads;
	bool is_alive;
	char comm[WORD];
};

/* Seen by all processes of a run. */
struct shared {
	struct op ops[OPS];
	int ops_count;
	struct worker workers[WORKERS];
	struct process processes[PROCESSES];
	int processes_count;
	int ports[LISTENERS]; /* 0: no such listener yet */
	int channels[WORKERS][2];
	pid_t last_child;      /* the pid of a child that has ended and was waited for */
	char helper[256];      /* what exec runs */
	char folder[256];      /* for files */
	char prefix[WORD - 4]; /* of names */
	_Atomic uint32_t entries_count;
	struct entry entries[ENTRIES];
};

extern struct shared *shared;
extern int sockets[SOCKETS]; /* of this process; -1: none */

/* Logs what a call of this worker returned: `ret` below 0 takes the errno. */
struct entry *log_call(int worker, const char *what, long ret);

/* Logs of a socket what the kernel says: `state`, what it `received`, or that it was `refused`. */
void log_socket(const char *what, uint64_t cookie, uint64_t number);

/* Begins to do operations as this worker, in the calling thread: does not return. */
void serve(int worker) __attribute__((noreturn));

/* Does one operation; false when no folder of operations knows it. */
bool do_socket_op(int worker, const struct op *op);
bool do_process_op(int worker, const struct op *op);
bool do_file_op(int worker, const struct op *op);
bool do_syscall_op(int worker, const struct op *op);

/* The helper that exec runs: `helper exit CODE`, `helper kill SIGNAL`, `helper calls N`. */
int help(int argc, char **argv);

/* The network namespace: made, and its counters. */
void make_network(void);
void write_snmp(void);

/* Logs what has changed of each socket since an operation began, which may have closed some. */
void read_connections(bool can_have_closed);

/* The RSTs that it has sent; read often enough, none is missed. */
void open_capture(void);
void read_capture(void);
void write_resets(void);

/* As connect(2), through io_uring. */
int connect_by_uring(int fd, const void *to, size_t to_size);

bool is_word(const char *word, const char *other);
long number(const char *word);
void fail(const char *what) __attribute__((noreturn));
