// SPDX-License-Identifier: GPL-2.0-only
/* The VMM's virtio rings on a toy memory, with a driver that may do what it should not. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "../x86_emulate/ktap.h"
#include "arch.h"
#include "loop.h"
#include "virtio.h"

#define SIZE		(4 * MB)
#define HIGH		(16 * MB)	/* the second region's address */
#define DESC		0x1000
#define AVAIL		0x3000
#define USED		0x5000
#define TABLE		0x8000
#define NUM		8
#define ALL_FEATURES	(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_RING_F_INDIRECT_DESC))

static struct vm vm;
static struct virtio_dev dev;
static struct virtq *const vq = &dev.vq[0];
static struct chain chain;
static unsigned int raised;
static void *volatile watched;

/* What the rings call elsewhere. */
unsigned int arch_memory_layout(u64 size, struct memory_region *region)
{
	region[0] = (struct memory_region){ .gpa = 0, .size = size / 2 };
	region[1] = (struct memory_region){ .gpa = HIGH, .size = size / 2 };
	return 2;
}

int event_create(void)
{
	return -1;
}

void event_take(int fd)
{
	(void)fd;
}

void loop_add(int fd, bool (*wants)(void *ctx), void (*handle)(void *ctx), void *ctx)
{
	(void)fd;
	(void)wants;
	(void)handle;
	watched = ctx;
}

static void work(struct virtio_dev *d, unsigned int queue)
{
	(void)d;
	(void)queue;
}

static void raise_irq(struct virtio_dev *d, bool config)
{
	(void)d;
	(void)config;
	raised++;
}

static const struct virtio_model model = { .name = "test", .queues = 1, .work = work };

static void *at(u64 gpa)
{
	return memory_at(&vm.memory, gpa, 1);
}

static void describe(u64 table, u16 i, u64 addr, u32 len, u16 flags, u16 next)
{
	struct vring_desc d = { htole64(addr), htole32(len), htole16(flags), htole16(next) };

	memcpy((struct vring_desc *)at(table) + i, &d, sizeof(d));
}

static void offer(u16 head)
{
	struct vring_avail *avail = at(AVAIL);
	u16 idx = le16toh(avail->idx);

	avail->ring[idx % NUM] = htole16(head);
	avail->idx = htole16(idx + 1);
}

static void enable(u64 desc, u64 avail, u64 used, u16 num)
{
	virtio_reset(&dev);
	memset(at(0), 0, SIZE / 2);
	dev.accepted = ALL_FEATURES;
	virtio_set_status(&dev, VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	vq->num = num;
	vq->desc_gpa = desc;
	vq->avail_gpa = avail;
	vq->used_gpa = used;
	virtio_enable_queue(&dev, vq);
	raised = 0;
}

static void start(void)
{
	enable(DESC, AVAIL, USED, NUM);
}

static bool broken(void)
{
	return dev.status & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void expect_broken(const char *what)
{
	ktap_check(!virtq_pop(&dev, vq, &chain), "%s: a buffer came", what);
	ktap_check(broken(), "%s: the device goes on", what);
	ktap_check(raised == 1, "%s: %u interrupts, not 1", what, raised);
}

static void chain_is_followed_and_given_back(void)
{
	struct vring_used *used;

	start();
	describe(DESC, 3, 0x10000, 16, VRING_DESC_F_NEXT, 5);
	describe(DESC, 5, HIGH + 64, 32, VRING_DESC_F_WRITE, 0);
	ktap_check(!virtq_pop(&dev, vq, &chain), "a buffer before there is one");
	offer(3);
	ktap_check(virtq_pop(&dev, vq, &chain), "no buffer");
	ktap_check(chain.nr_out == 1 && chain.nr_in == 1, "%u and %u segments", chain.nr_out,
		   chain.nr_in);
	ktap_check(chain.out_len == 16 && chain.in_len == 32, "lengths");
	ktap_check(chain.iov[1].iov_base == at(HIGH + 64), "second segment");
	virtq_push(vq, &chain, 7);
	virtq_signal(&dev, vq);
	used = at(USED);
	ktap_check(le16toh(used->idx) == 1 && le32toh(used->ring[0].id) == 3 &&
		   le32toh(used->ring[0].len) == 7, "used ring");
	ktap_check(raised == 1 && !broken(), "%u interrupts", raised);
}

static void indirect_table_is_followed(void)
{
	start();
	describe(DESC, 0, TABLE, 32, VRING_DESC_F_INDIRECT, 0);
	describe(TABLE, 0, 0x10000, 16, VRING_DESC_F_NEXT, 1);
	describe(TABLE, 1, 0x11000, 16, VRING_DESC_F_WRITE, 0);
	offer(0);
	ktap_check(virtq_pop(&dev, vq, &chain) && chain.nr_out == 1 && chain.nr_in == 1,
		   "%u and %u segments", chain.nr_out, chain.nr_in);
}

static void head_outside_breaks(void)
{
	start();
	offer(NUM);
	expect_broken("head");
}

static void next_outside_breaks(void)
{
	start();
	describe(DESC, 0, 0x10000, 16, VRING_DESC_F_NEXT, 0xffff);
	offer(0);
	expect_broken("next");
}

static void loop_breaks(void)
{
	start();
	describe(DESC, 0, 0x10000, 16, VRING_DESC_F_NEXT, 1);
	describe(DESC, 1, 0x10000, 16, VRING_DESC_F_NEXT, 0);
	offer(0);
	expect_broken("loop");
	start();
	describe(DESC, 0, 0x10000, 0, VRING_DESC_F_NEXT, 0);
	offer(0);
	expect_broken("loop of nothing");
}

static void index_too_far_breaks(void)
{
	start();
	((struct vring_avail *)at(AVAIL))->idx = htole16(NUM + 1);
	expect_broken("index");
}

static void read_after_write_breaks(void)
{
	start();
	describe(DESC, 0, 0x10000, 16, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	describe(DESC, 1, 0x10000, 16, 0, 0);
	offer(0);
	expect_broken("order");
}

static void buffer_outside_memory_breaks(void)
{
	static const struct {
		u64 addr;
		u32 len;
	} bad[] = {
		{ SIZE / 2, 1 }, { SIZE / 2 - 1, 2 }, { HIGH - 1, 2 }, { HIGH + SIZE / 2 - 1, 2 },
		{ ~0ull, 1 }, { ~0ull, 0xffffffff }, { 0, 0xffffffff }, { 0x10000, 0xffff0001 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start();
		describe(DESC, 0, bad[i].addr, bad[i].len, 0, 0);
		offer(0);
		expect_broken("address");
	}
}

static void indirect_table_that_is_bad_breaks(void)
{
	static const struct {
		u64 addr;
		u32 len;
		u16 flags;
	} bad[] = {
		{ TABLE, 0, 0 }, { TABLE, 15, 0 }, { TABLE, 17, 0 }, { TABLE, 16 * 257, 0 },
		{ SIZE / 2 - 16, 32, 0 }, { ~0ull, 16, 0 }, { TABLE, 16, VRING_DESC_F_NEXT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		start();
		describe(DESC, 0, bad[i].addr, bad[i].len, VRING_DESC_F_INDIRECT | bad[i].flags, 0);
		offer(0);
		expect_broken("table");
	}
	start();
	describe(DESC, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	describe(TABLE, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	offer(0);
	expect_broken("table in a table");
	start();
	dev.accepted &= ~FEATURE(VIRTIO_RING_F_INDIRECT_DESC);
	describe(DESC, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	offer(0);
	expect_broken("table without the feature");
}

static void queue_that_is_bad_is_not_ready(void)
{
	static const struct {
		u64 desc, avail, used;
		u16 num;
	} bad[] = {
		{ DESC, AVAIL, USED, 0 }, { DESC, AVAIL, USED, 3 }, { DESC, AVAIL, USED, 512 },
		{ DESC + 8, AVAIL, USED, 8 }, { DESC, AVAIL + 1, USED, 8 }, { DESC, AVAIL, USED + 2, 8 },
		{ SIZE / 2 - 112, AVAIL, USED, 8 }, { DESC, SIZE / 2 - 20, USED, 8 },
		{ DESC, AVAIL, SIZE / 2 - 68, 8 }, { ~0xfull, AVAIL, USED, 8 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		enable(bad[i].desc, bad[i].avail, bad[i].used, bad[i].num);
		ktap_check(!vq->ready && broken(), "queue %u is ready", i);
		ktap_check(!virtq_pop(&dev, vq, &chain), "queue %u has a buffer", i);
	}
}

static void features_without_version_1_are_refused(void)
{
	virtio_reset(&dev);
	virtio_set_status(&dev, VIRTIO_CONFIG_S_FEATURES_OK);
	ktap_check(!(dev.status & VIRTIO_CONFIG_S_FEATURES_OK), "legacy driver is taken");
	dev.accepted = ~0ull;
	virtio_set_status(&dev, VIRTIO_CONFIG_S_FEATURES_OK);
	ktap_check(!(dev.status & VIRTIO_CONFIG_S_FEATURES_OK), "features never offered are taken");
}

static u32 noise(void)
{
	static unsigned long long state = 1;

	return test_random(&state) >> 32;
}

/* Any bytes as rings: every segment that comes out of them is memory of the guest. */
static void noise_never_leaves_memory(void)
{
	unsigned int turn, i, got = 0;
	u8 *sum = at(0x20000);

	for (turn = 0; turn < 20000; turn++) {
		start();
		for (i = 0; i < NUM; i++) {
			describe(DESC, i, noise() % 3 ? noise() % SIZE : (u64)noise() << 40,
				 noise() % 2 ? noise() % 4096 : noise(), noise() % 8, noise() % (NUM + 1));
			describe(TABLE, i, noise() % SIZE, noise() % 4096, noise() % 8, noise() % NUM);
		}
		if (noise() % 2)
			describe(DESC, 0, TABLE, 16 * (noise() % (NUM + 1)), VRING_DESC_F_INDIRECT, 0);
		offer(noise() % (NUM + 1));
		if (!virtq_pop(&dev, vq, &chain))
			continue;
		got++;
		for (i = 0; i < chain.nr_out + chain.nr_in; i++) {
			const u8 *from = chain.iov[i].iov_base;

			*sum += from[0] + from[chain.iov[i].iov_len - 1];
		}
		virtq_push(vq, &chain, noise());
	}
	ktap_check(got > 500, "only %u buffers were good", got);
}

static void segments_are_cut_and_copied(void)
{
	char a[] = "abcd", b[] = "efgh", out[9] = "";
	struct iovec iov[2] = { { a, 4 }, { b, 4 } };

	ktap_check(iov_read(iov, 2, 3, out, 8) == 5 && !strcmp(out, "defgh"), "read %s", out);
	ktap_check(iov_write(iov, 2, 2, "12345", 5) == 5 && !strcmp(a, "ab12") && !strcmp(b, "345h"),
		   "wrote %s%s", a, b);
	ktap_check(iov_cut(iov, 2, 5, 2) == 1 && iov[0].iov_base == b + 1 && iov[0].iov_len == 2,
		   "cut");
	ktap_check(iov_cut(iov, 1, 2, 9) == 0, "cut of all");
}

#define TEST(name)	{ #name, name }
static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(chain_is_followed_and_given_back),
	TEST(indirect_table_is_followed),
	TEST(head_outside_breaks),
	TEST(next_outside_breaks),
	TEST(loop_breaks),
	TEST(index_too_far_breaks),
	TEST(read_after_write_breaks),
	TEST(buffer_outside_memory_breaks),
	TEST(indirect_table_that_is_bad_breaks),
	TEST(queue_that_is_bad_is_not_ready),
	TEST(features_without_version_1_are_refused),
	TEST(noise_never_leaves_memory),
	TEST(segments_are_cut_and_copied),
};

int main(void)
{
	unsigned int i;

	memory_create(&vm.memory, SIZE);
	virtio_init(&dev, &vm, &model, 0, NULL, 0);
	dev.raise = raise_irq;
	ktap_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		tests[i].run();
		ktap_end(tests[i].name);
	}
	return ktap_result();
}
