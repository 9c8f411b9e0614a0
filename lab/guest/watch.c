/* Watches the tasks: samples what the kernel counts, sees kills, hangs and the end. Runs as a real-time task and touches nothing that can be swapped. */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const sources[] = {"/proc/vmstat", "/proc/zoneinfo", "/proc/pressure/memory", "/proc/pressure/io", "/proc/stat", "/proc/meminfo"};
#define SOURCES (sizeof sources / sizeof *sources)

static int source_fd[SOURCES];
static char text[32768]; /* the kernel does not copy to the device's memory as cheaply as to ours */

static void sleep_until(int64_t ns)
{
	struct timespec t = {ns / 1000000000LL, ns % 1000000000LL};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* Appends a text, as its length and itself; where the next one goes. */
static char *keep(char *place, char *end, int64_t size)
{
	if (size > end - place - 8)
		size = end - place - 8;
	*(int64_t *)place = size;
	memcpy(place + 8, text, size);
	return place + 8 + (size + 7) / 8 * 8;
}

/* One sample: its time, each source, and the operations that each task has done; the first and the last sample are always kept. */
static void sample(int64_t elapsed_ns)
{
	int64_t number = report->n_samples < plan->max_samples ? report->n_samples : plan->max_samples - 1;
	char *place = at(plan->samples_at + number * plan->sample_bytes), *end = place + plan->sample_bytes;

	*(int64_t *)place = elapsed_ns;
	place += 8;
	for (size_t i = 0; i < SOURCES; i++) {
		int64_t size = 0, got;
		while (size < (int64_t)sizeof text && (got = pread(source_fd[i], text + size, sizeof text - size, size)) > 0)
			size += got;
		place = keep(place, end, size);
	}
	int64_t size = 0;
	for (int64_t i = 0; i < plan->n_tasks && size < (int64_t)sizeof text - 32; i++)
		size += sprintf(text + size, "%lld\n", (long long)task_at(i)->ops);
	keep(place, end, size);
	report->n_samples = number + 1;
}

/* A counter of the last sample's /proc/vmstat. */
static int64_t counter(const char *name)
{
	char *vmstat = at(plan->samples_at + (report->n_samples - 1) * plan->sample_bytes + 16);
	char *found = strstr(vmstat, name);

	return found ? strtoll(found + strlen(name), NULL, 10) : 0;
}

/* Tasks that ended: killed ones are told from those that came to their end. Returns how many are left. */
static int64_t collect(int64_t left, int64_t elapsed_ns)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0) {
		left--;
		if (!WIFSIGNALED(status))
			continue;
		if (WTERMSIG(status) != SIGKILL) {
			errno = EFAULT;
			fail("a task", strsignal(WTERMSIG(status)));
		}
		if (report->tasks_killed == 0)
			report->first_kill_ns = elapsed_ns;
		report->tasks_killed++;
	}
	return left;
}

static int64_t ops_done(void)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < plan->n_tasks; i++) {
		struct task *task = task_at(i);
		sum += task->ops;
		if (task->state == TASK_FAILED) {
			errno = task->error;
			fail("a task", "failed");
		}
	}
	return sum;
}

/* Does every task that is left sleep of its own will? */
static int all_sleep(int64_t elapsed_ns)
{
	for (int64_t i = 0; i < plan->n_tasks; i++) {
		struct task *task = task_at(i);
		if (task->state == TASK_RUNS || (task->state == TASK_SLEEPS && task->wakes_ns < elapsed_ns))
			return 0;
	}
	return 1;
}

/* What the kernel completed: pages read and written, of files and of swap. */
static int64_t completed(void)
{
	return counter("pgpgin ") + counter("pgpgout ") + counter("pswpin ") + counter("pswpout ") + counter("nr_written ");
}

static void keep_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char *place = at(plan->log_at);
	int64_t size = 0;

	for (;;) {
		ssize_t got = read(fd, text, sizeof text);
		if (got < 0 && errno == EPIPE)
			continue;
		if (got <= 0)
			break;
		if (size + got >= plan->log_bytes)
			break;
		memcpy(place + size, text, got);
		size += got;
	}
	place[size] = 0;
}

void watch(int64_t start_ns)
{
	int64_t left = plan->n_tasks, next_sample = 0, next_tick = 0, progress_ns = 0, ops = 0, done = 0, elapsed = 0, end = END_NONE;
	struct sysinfo info;

	for (size_t i = 0; i < SOURCES; i++)
		if ((source_fd[i] = open(sources[i], O_RDONLY | O_CLOEXEC)) < 0)
			fail("open", sources[i]);
	sample(0); /* grows the buffers of the files */
	report->n_samples = 0;
	report->free_min = INT64_MAX;
	sleep_until(start_ns - 2000000);
	sample(0);
	next_sample = plan->sample_ns;
	while (end == END_NONE) {
		next_tick += plan->tick_ns;
		sleep_until(start_ns + (next_tick < plan->horizon_ns ? next_tick : plan->horizon_ns));
		elapsed = now_ns() - start_ns;
		report->heartbeat++;
		left = collect(left, elapsed);
		if (!sysinfo(&info) && (int64_t)(info.freeram * info.mem_unit / PAGE) < report->free_min)
			report->free_min = info.freeram * info.mem_unit / PAGE;
		int64_t now_done = ops_done();
		if (now_done != ops || all_sleep(elapsed)) {
			ops = now_done;
			progress_ns = elapsed;
		}
		if (elapsed >= plan->horizon_ns)
			end = END_HORIZON;
		else if (left == 0)
			end = END_DONE;
		if (end != END_NONE || elapsed >= next_sample) {
			sample(elapsed);
			next_sample += plan->sample_ns;
			if (completed() != done) {
				done = completed();
				progress_ns = elapsed;
			}
		}
		if (end == END_NONE && elapsed - progress_ns >= plan->hang_ns)
			end = END_HANG;
		while (next_tick + plan->tick_ns < elapsed)
			next_tick += plan->tick_ns;
	}
	ops_done();
	report->elapsed_ns = elapsed;
	kill(-1, SIGKILL);
	keep_log();
	report->end = end;
}
