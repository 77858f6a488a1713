/*
 * Lives of processes in exact numbers, for test/kernel/signals/process.test.ts. Waits for each
 * child before the next.
 *
 * processes spawn PROGRAM COUNT ARG... forks COUNT children that execute PROGRAM ARG... processes
 * exit CODE exits at once processes kill SIGNAL kills itself processes threads COUNT COUNT threads
 * and the first one end at once processes exec PROGRAM ARG... executes PROGRAM from a thread that
 * is not the first processes rename COMM takes another name, then exits processes fork COUNT forks
 * COUNT children that exit at once, without execve
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_barrier_t together;

static void *end_together(void *unused)
{
	pthread_barrier_wait(&together);
	return unused;
}

static void *execute(void *args)
{
	char **argv = args;

	execv(argv[0], argv);
	perror(argv[0]);
	exit(1);
}

static void spawn(char **argv, int count)
{
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0) {
			perror("fork");
			exit(1);
		}
		if (child == 0) {
			if (argv)
				execute(argv);
			_exit(0);
		}
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	pthread_t thread;

	if (!strcmp(what, "spawn")) {
		char *program = argv[2];
		int count = atoi(argv[3]);

		argv[3] = program;
		spawn(argv + 3, count);
	} else if (!strcmp(what, "exit")) {
		return atoi(argv[2]);
	} else if (!strcmp(what, "kill")) {
		kill(getpid(), atoi(argv[2]));
	} else if (!strcmp(what, "threads")) {
		int count = atoi(argv[2]);

		pthread_barrier_init(&together, NULL, count + 1);
		for (int i = 0; i < count; i++)
			pthread_create(&thread, NULL, end_together, NULL);
		end_together(NULL);
		pthread_exit(NULL);
	} else if (!strcmp(what, "exec")) {
		pthread_create(&thread, NULL, execute, argv + 2);
		pause();
	} else if (!strcmp(what, "rename")) {
		prctl(PR_SET_NAME, argv[2]);
	} else if (!strcmp(what, "fork")) {
		spawn(NULL, atoi(argv[2]));
	} else {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	return 0;
}
