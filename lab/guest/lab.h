/* What host and guest share: a plan that the host writes, and a report that the guest writes, both in the memory of an ivshmem device.
 * All fields are int64, little-endian; lab/plan.py and lab/report.py name the same fields in the same order. */
#ifndef LAB_H
#define LAB_H

#include <stddef.h>
#include <stdint.h>

#define LAB_MAGIC 0x31424c5748474948LL /* "HIGHWLB1" */
#define PAGE 4096L
#define REPORT_AT 2048
#define TASK_BYTES 4096
#define CHECK_EVERY 1024
#define BUCKETS 40

/* One block device. */
struct disk {
	int64_t pages;      /* without the page of the swap signature; 0: no device */
	int64_t mib_s;      /* null_blk's throttle */
	int64_t latency_ns; /* completion_nsec */
	int64_t depth;      /* requests in flight */
	int64_t max_kib;    /* largest request */
};

struct plan {
	int64_t magic;
	int64_t total_bytes;
	int64_t n_tasks;
	int64_t n_pages;
	int64_t n_regions;
	int64_t horizon_ns;
	int64_t sample_ns;
	int64_t tick_ns;
	int64_t hang_ns;
	int64_t tasks_at;
	int64_t regions_at;
	int64_t ops_at;
	int64_t settings_at;
	int64_t settings_bytes;
	int64_t samples_at;
	int64_t max_samples;
	int64_t sample_bytes;
	int64_t log_at;
	int64_t log_bytes;
	struct disk swap;
	struct disk file;
};

enum { END_NONE, END_HORIZON, END_DONE, END_HANG, END_FAILED };

struct report {
	volatile int64_t heartbeat; /* ticks of the watcher */
	volatile int64_t stage;     /* how far the start came */
	volatile int64_t end;
	volatile int64_t error; /* errno of what failed */
	volatile int64_t elapsed_ns;
	volatile int64_t n_samples;
	volatile int64_t tasks_killed; /* by SIGKILL, not ours */
	volatile int64_t first_kill_ns;
	volatile int64_t free_min; /* pages, looked at every tick */
	char failed[256]; /* what failed, for people */
};

struct region {
	int64_t first;
	int64_t pages;
	int64_t attr;
};

enum { TASK_NEW, TASK_RUNS, TASK_SLEEPS, TASK_DONE, TASK_FAILED };

struct task {
	int64_t first; /* words of its operations */
	int64_t last;
	int64_t op_ns;
	int64_t cpu;
	volatile int64_t state;
	volatile int64_t error;
	volatile int64_t ops;
	volatile int64_t end_ns; /* since the start, when it ended of its own will */
	volatile int64_t wakes_ns;
	struct {
		volatile int64_t ops; /* 0 while it is written */
		volatile int64_t hash;
	} check[2];
	volatile int64_t latency[BUCKETS]; /* touches that took 2^i to 2^(i+1) ns */
};

extern struct plan *plan;
extern struct report *report;

static inline void *at(int64_t offset) { return (char *)plan + offset; }
static inline struct task *task_at(int64_t number) { return at(plan->tasks_at + number * TASK_BYTES); }

int64_t now_ns(void);
void fail(const char *what, const char *which) __attribute__((noreturn));
int put(const char *path, const char *text);
void make_disks(void);
void run_task(int64_t number, int64_t start_ns) __attribute__((noreturn));
void watch(int64_t start_ns);

#endif
