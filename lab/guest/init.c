/* Process 1 of the guest: finds the plan, loads modules, makes the disks, applies the settings, starts the tasks and watches them. */
#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct plan *plan;
struct report *report;

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Leaves QEMU at once, by its isa-debug-exit device. */
static void leave(void)
{
	ioperm(0xf4, 4, 1);
	outl(0, 0xf4);
	for (;;)
		pause();
}

void fail(const char *what, const char *which)
{
	int error = errno;

	if (report) {
		snprintf(report->failed, sizeof report->failed, "%s %s: %s", what, which, strerror(error));
		report->error = error;
		report->end = END_FAILED;
	}
	dprintf(2, "lab: %s %s: %s\n", what, which, strerror(error));
	leave();
	abort();
}

/* Writes a text to a file of the kernel; 0, or -1 with errno. */
int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -1;
	done = write(fd, text, strlen(text));
	close(fd);
	return done == (ssize_t)strlen(text) ? 0 : -1;
}

static void mount_all(void)
{
	static const char *const places[][2] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"debugfs", "/sys/kernel/debug"}};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		mkdir(places[i][1], 0755);
		mount(places[i][0], places[i][1], places[i][0], 0, NULL);
	}
}

static int64_t number_in(const char *path, int base)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof text - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtoll(text, NULL, base);
}

/* Maps the second memory window of the ivshmem device (1af4:1110): it is no RAM of the guest, so it takes no page from the experiment. */
static void map_plan(void)
{
	char path[300];
	struct dirent *entry;
	struct stat st;
	DIR *all = opendir("/sys/bus/pci/devices");

	while (all && (entry = readdir(all))) {
		snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/device", entry->d_name);
		if (entry->d_name[0] == '.' || number_in(path, 16) != 0x1110)
			continue;
		snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/enable", entry->d_name);
		put(path, "1");
		snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/resource2", entry->d_name);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st))
			fail("open", path);
		plan = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (plan == MAP_FAILED)
			fail("mmap", path);
		closedir(all);
		report = at(REPORT_AT);
		if (plan->magic != LAB_MAGIC || plan->total_bytes > st.st_size)
			fail("plan", "is not ours");
		return;
	}
	errno = ENODEV;
	fail("ivshmem", "device");
}

/* /modules/order: one module file with its parameters a line, dependencies first. The files are removed: they lie in RAM. */
static void load_modules(void)
{
	char line[256], path[300], *parameters;
	FILE *order = fopen("/modules/order", "re");

	if (!order)
		fail("open", "/modules/order");
	while (fgets(line, sizeof line, order)) {
		line[strcspn(line, "\n")] = 0;
		parameters = strchr(line, ' ');
		if (parameters)
			*parameters++ = 0;
		snprintf(path, sizeof path, "/modules/%s", line);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, parameters ? parameters : "", 0) && errno != EEXIST))
			fail("module", line);
		close(fd);
		unlink(path);
	}
	fclose(order);
}

/* One "path value" a line. A path that starts with "?" may be missing or refuse. */
static void apply_settings(void)
{
	char *text = strndup(at(plan->settings_at), plan->settings_bytes), *rest = text, *line, *value;

	while ((line = strsep(&rest, "\n"))) {
		int optional = *line == '?';
		line += optional;
		if (!*line || !(value = strchr(line, ' ')))
			continue;
		*value++ = 0;
		if (put(line, value) && !optional)
			fail("set", line);
	}
	free(text);
}

/* Tasks are processes, so that the OOM killer can take one; they wait for the common start. */
static void start_tasks(int64_t start_ns)
{
	for (int64_t number = 0; number < plan->n_tasks; number++) {
		pid_t pid = fork();
		if (pid < 0)
			fail("fork", "a task");
		if (pid == 0)
			run_task(number, start_ns);
	}
}

int main(void)
{
	struct sched_param real_time = {.sched_priority = 50};

	mount_all();
	map_plan();
	report->stage = 1;
	load_modules();
	report->stage = 2;
	mkdir("/sys/kernel/config", 0755);
	if (mount("configfs", "/sys/kernel/config", "configfs", 0, NULL))
		fail("mount", "configfs");
	make_disks();
	report->stage = 3;
	apply_settings();
	put("/proc/sys/vm/drop_caches", "3");
	report->stage = 4;
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall", "");
	int64_t start_ns = now_ns() + 200000000LL + 20000000LL * plan->n_tasks;
	start_tasks(start_ns);
	put("/proc/self/oom_score_adj", "-1000");
	sched_setscheduler(0, SCHED_FIFO, &real_time);
	report->stage = 5;
	watch(start_ns);
	leave();
}
