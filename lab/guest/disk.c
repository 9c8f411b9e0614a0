/* Disks that are throttled and store nothing: null_blk; for swap behind a device-mapper table whose first page is RAM and holds the swap signature. */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void attribute(const char *folder, const char *name, int64_t value)
{
	char path[256], text[32];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	snprintf(text, sizeof text, "%lld", (long long)value);
	if (put(path, text))
		fail("set", path);
}

/* /dev/nullb<index>, of at least so many pages. */
static void make_null_blk(int index, const struct disk *disk, int64_t pages)
{
	char folder[128];

	snprintf(folder, sizeof folder, "/sys/kernel/config/nullb/nullb%d", index);
	if (mkdir(folder, 0755))
		fail("mkdir", folder);
	attribute(folder, "size", (pages * PAGE >> 20) + 1);
	attribute(folder, "blocksize", PAGE);
	attribute(folder, "queue_mode", 2);
	attribute(folder, "submit_queues", 1);
	attribute(folder, "irqmode", 2);
	attribute(folder, "memory_backed", 0);
	attribute(folder, "completion_nsec", disk->latency_ns);
	attribute(folder, "hw_queue_depth", disk->depth);
	attribute(folder, "mbps", disk->mib_s);
	attribute(folder, "power", 1);
	snprintf(folder, sizeof folder, "/sys/block/nullb%d/queue", index);
	attribute(folder, "max_sectors_kb", disk->max_kib);
	attribute(folder, "add_random", 0);
}

static void dm_header(struct dm_ioctl *call, size_t size)
{
	memset(call, 0, size);
	call->version[0] = DM_VERSION_MAJOR;
	call->data_size = size;
	call->data_start = sizeof *call;
	strcpy(call->name, "swap");
}

static char *dm_target(char *place, int64_t from, int64_t sectors, const char *device)
{
	struct dm_target_spec *target = (void *)place;

	target->sector_start = from;
	target->length = sectors;
	strcpy(target->target_type, "linear");
	target->next = 256;
	snprintf(place + sizeof *target, 256 - sizeof *target, "%s 0", device);
	return place + target->next;
}

/* /dev/dm-0: 8 sectors of /dev/ram0, then the null_blk device. */
static void make_table(int64_t pages)
{
	_Alignas(8) static char buffer[4096];
	struct dm_ioctl *call = (void *)buffer;
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("open", "/dev/mapper/control");
	dm_header(call, sizeof buffer);
	if (ioctl(fd, DM_DEV_CREATE, call))
		fail("device mapper", "create");
	dm_header(call, sizeof buffer);
	call->target_count = 2;
	dm_target(dm_target(buffer + sizeof *call, 0, 8, "/dev/ram0"), 8, pages * 8, "/dev/nullb1");
	if (ioctl(fd, DM_TABLE_LOAD, call))
		fail("device mapper", "table");
	dm_header(call, sizeof buffer);
	if (ioctl(fd, DM_DEV_SUSPEND, call)) /* without DM_SUSPEND_FLAG: resume */
		fail("device mapper", "resume");
	close(fd);
}

/* The header that swapon(2) looks for (include/linux/swap.h: union swap_header). */
static void write_signature(const char *device, int64_t pages)
{
	static char page[4096] __attribute__((aligned(4096)));
	uint32_t *info = (uint32_t *)(page + 1024);
	int fd = open(device, O_WRONLY | O_DIRECT | O_CLOEXEC);

	info[0] = 1;     /* version */
	info[1] = pages; /* last page; page 0 is this one */
	memcpy(page + sizeof page - 10, "SWAPSPACE2", 10);
	if (fd < 0 || pwrite(fd, page, sizeof page, 0) != (ssize_t)sizeof page || close(fd))
		fail("write", device);
}

void make_disks(void)
{
	make_null_blk(0, &plan->file, plan->file.pages);
	if (plan->swap.pages == 0)
		return;
	make_null_blk(1, &plan->swap, plan->swap.pages);
	make_table(plan->swap.pages);
	write_signature("/dev/dm-0", plan->swap.pages);
	if (swapon("/dev/dm-0", 0))
		fail("swapon", "/dev/dm-0");
}
