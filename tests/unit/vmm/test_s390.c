// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM's s390 service element and channel subsystem on a toy memory, with a guest that may do what it should not. Words
 * have the byte order of the machine that runs the test, whose fields are the same.
 */
#include <stdlib.h>
#include <string.h>

#include "../x86_emulate/ktap.h"
#include "arch/s390/s390.h"
#include "loop.h"
#include "terminal.h"

#define SIZE		(2 * MB)
#define BLOCK		0x3000u		/* a service call's, and a channel program's data */
#define PROGRAM		0x4000u
#define OPERAND		0x5000u		/* of an instruction */
#define TYPED		"keys"

#define READ_SCP_INFO	0x00020001u
#define READ_EVENT	0x00770005u
#define WRITE_EVENT	0x00760005u
#define WRITE_MASK	0x00780005u

#define OP_MSCH		0xb232
#define OP_SSCH		0xb233
#define OP_STSCH	0xb234
#define PENDING		1u
#define ALERT		0x10u
#define UNIT_CHECK	0x02
#define LENGTH_CHECK	0x40
#define PROGRAM_CHECK	0x20

static struct options options = { .memory = 1024 * MB, .console = CONSOLE_SERIAL };
static struct vcpu cpus[3];
static struct vm vm = { .options = &options, .vcpu = cpus, .nr_vcpus = 3 };
static struct insn insn;
static const struct terminal_sink *keys;
static char shown[64];
static size_t nr_shown;
static unsigned int cc, program, interrupts, commands;
static u64 parameter;

/* What the files call elsewhere. */
unsigned int arch_memory_layout(u64 size, struct memory_region *region)
{
	region[0] = (struct memory_region){ .gpa = 0, .size = size };
	return 1;
}

void terminal_connect(const struct terminal_sink *sink)
{
	keys = sink;
}

void terminal_write(const void *data, size_t len)
{
	if (len > sizeof(shown) - nr_shown)
		len = sizeof(shown) - nr_shown;
	memcpy(shown + nr_shown, data, len);
	nr_shown += len;
}

u64 insn_address(const struct insn *i)
{
	(void)i;
	return OPERAND;
}

bool insn_read(struct insn *i, u64 address, void *to, u32 len)
{
	void *at = memory_at(&vm.memory, address, len);

	if (at)
		memcpy(to, at, len);
	else
		insn_program(i, PGM_ADDRESSING);
	return at;
}

bool insn_write(struct insn *i, u64 address, const void *from, u32 len)
{
	void *at = memory_at(&vm.memory, address, len);

	if (at)
		memcpy(at, from, len);
	else
		insn_program(i, PGM_ADDRESSING);
	return at;
}

void insn_cc(struct insn *i, unsigned int value)
{
	(void)i;
	cc = value;
}

void insn_program(struct insn *i, unsigned int code)
{
	(void)i;
	program = code;
}

void insn_set(struct insn *i, unsigned int n, u64 value)
{
	i->regs.gprs[n] = value;
}

void s390_interrupt(struct vm *v, u64 type, u32 parm, u64 parm64)
{
	(void)v, (void)type, (void)parm64;
	interrupts++;
	parameter = parm;
}

static void *at(u32 gpa, u64 len)
{
	return memory_at(&vm.memory, gpa, len);
}

/*
 * The service element.
 */
/* A call with the block at @gpa, whose length is @len; its response, 0 where there is none. */
static unsigned int call(u32 function, u32 gpa, u16 len)
{
	u16 *block = at(gpa & ~7u, 8);

	if (block) {
		block[0] = len;
		block[3] = 0;
	}
	insn = (struct insn){ .vcpu = cpus, .opcode = 0xb220, .ipb = 0x00120000 };
	insn.regs.gprs[1] = function;
	insn.regs.gprs[2] = gpa;
	cc = program = interrupts = 0;
	sclp_service_call(&insn);
	return block && !program ? block[3] : 0;
}

static void expect_call(u32 function, u32 gpa, u16 len, unsigned int response)
{
	unsigned int seen = call(function, gpa, len);

	ktap_check(seen == response && interrupts == 1 && (parameter & ~7u) == gpa,
		   "%#x, %u bytes: response %#x, not %#x", function, len, seen, response);
}

static void blocks_that_are_none_are_exceptions(void)
{
	const struct { u32 gpa; u16 len; unsigned int code; } bad[] = {
		{ BLOCK + 4, 8, PGM_SPECIFICATION }, { 0x80000000, 8, PGM_SPECIFICATION },
		{ BLOCK, 7, PGM_SPECIFICATION }, { BLOCK, 0, PGM_SPECIFICATION },
		{ SIZE, 8, PGM_ADDRESSING }, { 0x7ffffff8, 8, PGM_ADDRESSING },
		{ SIZE - 8, 16, PGM_ADDRESSING },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		call(READ_SCP_INFO, bad[i].gpa, bad[i].len);
		ktap_check(program == bad[i].code && !interrupts, "%u: exception %u", i, program);
	}
}

static void blocks_keep_to_their_page(void)
{
	expect_call(READ_SCP_INFO, BLOCK + 8, 4096, 0x0100);
	expect_call(READ_SCP_INFO, BLOCK, 0xffff, 0x0100);
	expect_call(0x00ab0001, BLOCK, 8, 0x01f0);
}

static void machine_is_described(void)
{
	const u8 *block = at(BLOCK, 4096);
	u16 size, number, offset;
	unsigned int i;

	expect_call(READ_SCP_INFO, BLOCK, 128 + 3 * 16 - 1, 0x0300);
	expect_call(READ_SCP_INFO, BLOCK, 4096, 0x0010);
	memcpy(&size, block + 8, 2);
	memcpy(&number, block + 16, 2);
	memcpy(&offset, block + 18, 2);
	ktap_check(size == 1024 && block[10] == 1, "%u units of %u MB", size, block[10]);
	ktap_check(number == 3, "%u CPUs", number);
	for (i = 0; i < 3; i++)
		ktap_check(block[offset + 16 * i] == i, "CPU %u is %u", i, block[offset + 16 * i]);
}

static void put_event(u32 gpa, u16 len, u8 type, const char *text)
{
	u8 *event = at(gpa, 6 + strlen(text));

	memcpy(event, &len, 2);
	memset(event + 2, 0, 4);
	event[2] = type;
	memcpy(event + 6, text, strlen(text));
}

static void events_are_written_within_their_block(void)
{
	static const u16 bad[] = { 0, 5, 11, 0xffff };
	unsigned int i;

	nr_shown = 0;
	put_event(BLOCK + 8, 8, 0x1a, "ab");
	put_event(BLOCK + 16, 9, 0x1a, "cde");
	expect_call(WRITE_EVENT, BLOCK, 25, 0x0020);
	ktap_check(nr_shown == 5 && !memcmp(shown, "abcde", 5), "%zu bytes are shown", nr_shown);
	put_event(BLOCK + 8, 8, 0x1b, "ab");
	expect_call(WRITE_EVENT, BLOCK, 16, 0x40f0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_event(BLOCK + 8, bad[i], 0x1a, "ab");
		expect_call(WRITE_EVENT, BLOCK, 18, 0x73f0);
	}
	/* Too little is left for an event. */
	put_event(BLOCK + 8, 8, 0x1a, "ab");
	expect_call(WRITE_EVENT, BLOCK, 20, 0x73f0);
}

static void masks_are_within_their_block(void)
{
	u16 *block = at(BLOCK, 64);
	unsigned int size;

	for (size = 0; size < 70000; size += size < 16 ? 1 : 4099) {
		block[5] = size;
		expect_call(WRITE_MASK, BLOCK, 28, (u16)size == 4 ? 0x0020 : 0x74f0);
	}
	expect_call(WRITE_MASK, BLOCK, 11, 0x0300);
}

static void keys_are_read_once(void)
{
	u8 *block = at(BLOCK, 64);
	const u32 all = 0xffffffff;
	const u16 size = 4;

	memcpy(block + 10, &size, 2);
	memcpy(block + 12, &all, 4);
	expect_call(WRITE_MASK, BLOCK, 28, 0x0020);
	expect_call(READ_EVENT, BLOCK, 64, 0x60f0);
	ktap_check(keys->room(NULL) >= 4, "no room for keys");
	keys->input(NULL, (const u8 *)TYPED, 4);
	ktap_check(parameter == 1 && !keys->room(NULL), "the guest does not know of keys");
	expect_call(READ_EVENT, BLOCK, 18, 0x0300);
	ktap_check(parameter & 1, "the keys that wait are not told of");
	expect_call(READ_EVENT, BLOCK, 64, 0x0020);
	ktap_check(!(parameter & 1) && block[10] == 0x1a && !memcmp(block + 15, TYPED, 4), "other keys");
	expect_call(READ_EVENT, BLOCK, 64, 0x60f0);
}

/*
 * The channel subsystem.
 */
static enum ccw_result toy_command(void *ctx, const struct ccw *ccw, u32 *count)
{
	(void)ctx;
	commands++;
	if (ccw->command != 1)
		return CCW_REJECT;
	*count = ccw->count < 4 ? ccw->count : 4;
	return at(ccw->address, ccw->count) ? CCW_DONE : CCW_PROGRAM_CHECK;
}

static void toy_notify(void *ctx, u32 queue)
{
	(void)ctx, (void)queue;
}

static unsigned int css(u16 opcode, u32 schid)
{
	insn = (struct insn){ .vcpu = cpus, .opcode = opcode };
	insn.regs.gprs[1] = schid;
	cc = 77;
	program = 0;
	css_instruction(&insn);
	return cc;
}

/* Byte 8 of the status is the device's, 9 the channel's. */
static const u8 *test_subchannel(void)
{
	insn.regs.gprs[1] = css_schid(0);
	css_test_subchannel(&insn);
	return at(OPERAND, 96);
}

static void enable(void)
{
	u16 *schib = at(OPERAND, 52);

	css(OP_STSCH, css_schid(0));
	schib[2] |= 0x0080;
	ktap_check(css(OP_MSCH, css_schid(0)) == 0, "cc %u of MSCH", cc);
}

/* Runs the program at @gpa; true: it was started, and its end is pending. */
static bool start(u32 gpa)
{
	const u32 orb[3] = { 0x1234, 0x00800000, gpa };

	memcpy(at(OPERAND, sizeof(orb)), orb, sizeof(orb));
	commands = interrupts = 0;
	return css(OP_SSCH, css_schid(0)) == 0 && !program && interrupts == 1;
}

static void put_ccw(unsigned int n, u8 command, u8 flags, u16 count, u32 address)
{
	((struct ccw *)at(PROGRAM, 4096))[n] = (struct ccw){ command, flags, count, address };
}

/* How a program ends: status of device and channel, or'ed. */
static void expect_end(u32 gpa, unsigned int device, unsigned int channel)
{
	const u8 *irb;

	if (!ktap_check(start(gpa), "not started: cc %u, exception %u", cc, program))
		return;
	irb = test_subchannel();
	ktap_check(cc == 0 && irb[8] == device && irb[9] == channel, "device %#x, channel %#x", irb[8], irb[9]);
	test_subchannel();
	ktap_check(cc == 1, "the status is there again");
}

static void subchannels_that_are_not_there_have_condition_code_3(void)
{
	static const u32 none[] = { 0, 0x00010001, 0x0001ffff, 0x00020000, 0xffffffff, 0x00030000 };
	u16 opcode;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(none); i++)
		for (opcode = 0xb230; opcode <= 0xb234; opcode++)
			ktap_check(css(opcode, none[i]) == 3, "%x of %x: cc %u", opcode, none[i], cc);
	ktap_check(css(OP_SSCH, css_schid(0)) == 3, "one that is not enabled starts: cc %u", cc);
}

static void programs_run_to_their_end(void)
{
	enable();
	put_ccw(0, 1, CCW_CHAIN_COMMAND, 4, BLOCK);
	put_ccw(1, 8, 0, 0, PROGRAM + 5 * sizeof(struct ccw));
	put_ccw(5, 1, 0, 4, BLOCK);
	expect_end(PROGRAM, 0x0c, 0);
	ktap_check(commands == 2, "%u commands", commands);
	/* More was asked for than there is. */
	put_ccw(0, 1, CCW_CHAIN_COMMAND, 8, BLOCK);
	expect_end(PROGRAM, 0x0c, LENGTH_CHECK);
	ktap_check(commands == 1, "%u commands", commands);
	put_ccw(0, 1, CCW_SUPPRESS_LENGTH, 8, BLOCK);
	expect_end(PROGRAM, 0x0c, 0);
	put_ccw(0, 2, 0, 8, BLOCK);
	expect_end(PROGRAM, 0x0c | UNIT_CHECK, 0);
	put_ccw(0, 4, 0, 32, BLOCK);
	expect_end(PROGRAM, 0x0c, 0);
	ktap_check(*(u8 *)at(BLOCK, 1) == 0x80, "sense %#x", *(u8 *)at(BLOCK, 1));
}

static void programs_that_are_bad_are_checked(void)
{
	enable();
	put_ccw(0, 8, 0, 0, PROGRAM);
	expect_end(PROGRAM, 0, PROGRAM_CHECK);
	put_ccw(0, 1, CCW_CHAIN_COMMAND, 4, BLOCK);
	put_ccw(1, 8, 0, 0, PROGRAM);
	expect_end(PROGRAM, 0, PROGRAM_CHECK);
	put_ccw(0, 1, 0, 8, SIZE - 4);
	expect_end(PROGRAM, 0, PROGRAM_CHECK);
	put_ccw(0, 0xe4, 0, 0xffff, SIZE - 16);
	expect_end(PROGRAM, 0, PROGRAM_CHECK);
	put_ccw(0, 1, CCW_CHAIN_DATA, 4, BLOCK);
	expect_end(PROGRAM, 0, PROGRAM_CHECK);
	expect_end(PROGRAM + 4, 0, PROGRAM_CHECK);
	expect_end(SIZE, 0, PROGRAM_CHECK);
	expect_end(0x7ffffff8, 0, PROGRAM_CHECK);
	ktap_check(!start(0x80000000) && program == PGM_OPERAND, "exception %u", program);
}

static void one_status_waits_at_a_time(void)
{
	enable();
	put_ccw(0, 3, CCW_SUPPRESS_LENGTH, 0, BLOCK);
	ktap_check(start(PROGRAM), "not started");
	ktap_check(!start(PROGRAM) && cc == 1, "cc %u", cc);
	css_attention(&vm, 0);
	ktap_check(!interrupts, "attention, though a status waits");
	test_subchannel();
	css_attention(&vm, 0);
	ktap_check(interrupts == 1 && parameter == css_schid(0), "%u interruptions", interrupts);
	test_subchannel();
}

static void noise_never_leaves_memory(void)
{
	unsigned long long seed = 1;
	unsigned int i, n;
	u32 *words = at(PROGRAM, 64), *block = at(BLOCK, 64);

	enable();
	for (n = 0; n < 20000; n++) {
		for (i = 0; i < 16; i++) {
			words[i] = test_random(&seed);
			block[i] = test_random(&seed);
			/* Mostly of what is there. */
			if (i % 2)
				words[i] &= 0x3fffff;
			else
				words[i] = (words[i] & 0xfffff000) | (words[i] & 0xf) | (words[i] & 0xf0 ? 1 : 0);
		}
		if (start(PROGRAM))
			test_subchannel();
		call(n % 3 ? n % 3 == 1 ? WRITE_EVENT : WRITE_MASK : READ_EVENT, BLOCK,
		     test_random(&seed) & 0x3f);
		ktap_check(cc < 4 || program, "cc %u", cc);
	}
}

#define TEST(name) { #name, name }
static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(blocks_that_are_none_are_exceptions),
	TEST(blocks_keep_to_their_page),
	TEST(machine_is_described),
	TEST(events_are_written_within_their_block),
	TEST(masks_are_within_their_block),
	TEST(keys_are_read_once),
	TEST(subchannels_that_are_not_there_have_condition_code_3),
	TEST(programs_run_to_their_end),
	TEST(programs_that_are_bad_are_checked),
	TEST(one_status_waits_at_a_time),
	TEST(noise_never_leaves_memory),
};

int main(void)
{
	const struct css_device device = { 0x3832, 2, toy_command, toy_notify, NULL };
	unsigned int i;

	for (i = 0; i < 3; i++)
		cpus[i] = (struct vcpu){ .vm = &vm, .id = i };
	memory_create(&vm.memory, SIZE);
	sclp_create(&vm);
	css_add(&vm, &device);
	ktap_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		tests[i].run();
		ktap_end(tests[i].name);
	}
	return ktap_result();
}
