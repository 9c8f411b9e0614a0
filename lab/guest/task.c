/* One task: executes its operations exactly, in order, and logs how many and which. It never trusts what it reads. */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* core/streams.py */
enum { READ, WRITE, FILE_READ, FILE_WRITE, RUN, THINK, SLEEP, ALLOC, FREE, FSYNC, DISCARD, JUMP, EXIT };
enum { ANON = 1, MAPPED = 2, EXEC = 4 };

#define HASH_FACTOR 0x9e3779b97f4a7c15ULL
#define PIPE_PAGES 256

static struct task *me;
static int64_t started_ns;
static uint64_t hash;
static char *memory; /* page p of the run is at memory + p * PAGE */
static int file;
static char buffer[4096] __attribute__((aligned(4096)));
static int64_t pipes, held; /* kernel pages are held in pipes of PIPE_PAGES pages */
static int pipe_fd[4096][2];

static void task_failed(void)
{
	me->error = errno;
	me->state = TASK_FAILED;
	_exit(1);
}

static inline uint64_t clock_cycles(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Use the CPU: two instructions a turn, 8 ns under -icount shift=2. */
static inline void think(int64_t ns)
{
	int64_t turns = ns / 8;

	if (turns > 0)
		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(turns));
}

static inline void count(uint64_t word)
{
	int64_t ops = me->ops + 1;

	hash = hash * HASH_FACTOR + word;
	me->ops = ops;
	if (ops % CHECK_EVERY == 0) {
		int which = ops / CHECK_EVERY & 1;
		me->check[which].ops = 0;
		me->check[which].hash = hash;
		me->check[which].ops = ops;
	}
}

static inline void touch(int64_t code, int64_t page)
{
	uint64_t before = clock_cycles(), took;

	if (code == READ)
		(void)*(volatile char *)(memory + page * PAGE);
	else if (code == WRITE)
		*(volatile char *)(memory + page * PAGE) = 1;
	else if (code == FILE_READ) {
		if (pread(file, buffer, PAGE, page * PAGE) != PAGE)
			task_failed();
	} else if (pwrite(file, buffer, PAGE, page * PAGE) != PAGE)
		task_failed();
	took = clock_cycles() - before;
	if (took > 512)
		me->latency[63 - __builtin_clzll(took)]++;
	think(me->op_ns);
	count((uint64_t)code << 40 | page);
}

/* Kernel pages that user space can hold: the buffers of pipes. In packet mode (O_DIRECT) each write has a page of its own, so that one byte is enough. */
static void alloc_kernel(int64_t pages)
{
	for (; pages > 0; pages--, held++) {
		if (held / PIPE_PAGES == pipes) {
			if (pipes == 4096 || pipe2(pipe_fd[pipes], O_CLOEXEC | O_NONBLOCK | O_DIRECT) || fcntl(pipe_fd[pipes][1], F_SETPIPE_SZ, PIPE_PAGES * PAGE) < 0)
				task_failed();
			pipes++;
		}
		if (write(pipe_fd[held / PIPE_PAGES][1], buffer, 1) != 1)
			task_failed();
	}
}

static void free_kernel(int64_t pages)
{
	for (; pages > 0 && held > 0; pages--) {
		held--;
		if (read(pipe_fd[held / PIPE_PAGES][0], buffer, 1) != 1)
			task_failed();
	}
}

static void sleep_for(int64_t ns)
{
	int64_t until = now_ns() + ns;
	struct timespec t = {until / 1000000000LL, until % 1000000000LL};

	me->wakes_ns = until - started_ns;
	me->state = TASK_SLEEPS;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	me->state = TASK_RUNS;
}

/* Is the page anonymous? */
static int is_anon(int64_t page)
{
	struct region *region = at(plan->regions_at);

	for (int64_t i = 0; i < plan->n_regions; i++)
		if (page >= region[i].first && page < region[i].first + region[i].pages)
			return region[i].attr & ANON;
	return 0;
}

static void discard(int64_t page, int64_t pages)
{
	if (is_anon(page))
		madvise(memory + page * PAGE, pages * PAGE, MADV_DONTNEED);
	else /* drops the pages, then perhaps fails because the disk knows no such request: blkdev_fallocate() */
		(void)!fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page * PAGE, pages * PAGE);
}

static void map_regions(void)
{
	struct region *region = at(plan->regions_at);

	memory = mmap(NULL, plan->n_pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		task_failed();
	for (int64_t i = 0; i < plan->n_regions; i++, region++) {
		char *place = memory + region->first * PAGE, *got = place;
		size_t bytes = region->pages * PAGE;

		if (region->attr & ANON)
			got = mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		else if (region->attr & EXEC)
			got = mmap(place, bytes, PROT_READ | PROT_EXEC, MAP_FIXED | MAP_SHARED, file, region->first * PAGE);
		else if (region->attr & MAPPED)
			got = mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_SHARED, file, region->first * PAGE);
		if (got != place)
			task_failed();
	}
}

static void execute(void)
{
	const volatile int64_t *ops = at(plan->ops_at);
	int64_t pc = me->first;

	for (;;) {
		int64_t word = ops[pc], code = word >> 40 & 255, page = word & 0xffffffff, literal;

		if (code <= FILE_WRITE) {
			touch(code, page);
			pc++;
			continue;
		}
		literal = ops[pc + 1];
		pc += 2;
		switch (code) {
		case RUN:
			for (int64_t i = 0; i < literal; i++)
				touch(word >> 48 & 255, page + i);
			continue;
		case JUMP:
			pc = me->first + literal;
			continue;
		case EXIT:
			return;
		case THINK:
			think(literal);
			break;
		case SLEEP:
			sleep_for(literal);
			break;
		case ALLOC:
			alloc_kernel(literal);
			break;
		case FREE:
			free_kernel(literal);
			break;
		case FSYNC:
			if (sync_file_range(file, page * PAGE, literal * PAGE, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
				task_failed();
			break;
		case DISCARD:
			discard(page, literal);
			break;
		default:
			errno = ENOSYS;
			task_failed();
		}
		count(((uint64_t)code << 40 | page) ^ (uint64_t)literal << 8);
	}
}

void run_task(int64_t number, int64_t start_ns)
{
	cpu_set_t cpus;
	struct timespec t = {start_ns / 1000000000LL, start_ns % 1000000000LL};

	me = task_at(number);
	started_ns = start_ns;
	CPU_ZERO(&cpus);
	CPU_SET(me->cpu, &cpus);
	prctl(PR_SET_TIMERSLACK, 1);
	if (sched_setaffinity(0, sizeof cpus, &cpus))
		task_failed();
	file = open("/dev/nullb0", O_RDWR | O_CLOEXEC);
	if (file < 0 || mlockall(MCL_CURRENT)) /* what is mapped from here on is the load */
		task_failed();
	map_regions();
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	me->state = TASK_RUNS;
	execute();
	me->end_ns = now_ns() - start_ns;
	me->state = TASK_DONE;
	_exit(0);
}
