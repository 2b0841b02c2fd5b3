// SPDX-License-Identifier: GPL-2.0-only
/*
 * The service element: how large the machine is, and the console of single keys (events of type
 * VT220). A service call is answered at once; its end comes as an external interruption.
 */
#include <pthread.h>
#include <string.h>

#include "../../loop.h"
#include "../../terminal.h"
#include "s390.h"

#define READ_SCP_INFO		0x00020001
#define READ_SCP_INFO_FORCED	0x00120001
#define READ_EVENT_DATA		0x00770005
#define WRITE_EVENT_DATA	0x00760005
#define WRITE_EVENT_MASK	0x00780005

#define RESPONSE_READ		0x0010
#define RESPONSE_DONE		0x0020
#define RESPONSE_INVALID	0x01f0	/* command */
#define RESPONSE_BOUNDARY	0x0100	/* the block crosses a page */
#define RESPONSE_SHORT		0x0300	/* the block is too short */
#define RESPONSE_NO_TYPE	0x40f0	/* of event */
#define RESPONSE_NO_EVENTS	0x60f0
#define RESPONSE_BAD_BUFFER	0x73f0	/* an event's length */
#define RESPONSE_BAD_MASK	0x74f0	/* its length */

#define PAGE			4096u
#define HEADER			8u	/* of a block: length, function, control, response */
#define RESPONSE_AT		6u
#define EVENT_HEADER		6u	/* of an event: length, type, flags */
#define VT220			0x1a
#define VT220_MASK		(0x80000000u >> (VT220 - 1))
#define EVENT_ACCEPTED		0x80
#define VT220_DATA		0	/* first byte of what is typed */
#define CPUS_AT			128u	/* in the answer to READ SCP INFO */
#define CPU_ENTRY		16u
#define EVENT_PENDING		1u	/* of the interruption's parameter */

static struct {
	struct vm *vm;
	pthread_mutex_t lock;	/* for all below */
	bool listening;		/* the guest takes what is typed */
	u8 typed[64];
	unsigned int count;
} console = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void put16(u8 *at, u16 value)
{
	memcpy(at, &value, sizeof(value));
}

static void put32(u8 *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static u16 get16(const u8 *at)
{
	u16 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static u32 get32(const u8 *at)
{
	u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Units of 1 MB, or as many as the 16 bits of their number want. */
static u16 read_scp_info(struct vm *vm, u8 *block, u16 len)
{
	u64 unit = 1, size = vm->options->memory / MB;
	unsigned int i;

	if (len < CPUS_AT + vm->nr_vcpus * CPU_ENTRY)
		return RESPONSE_SHORT;
	while (size / unit > 0xffff)
		unit *= 2;
	memset(block + HEADER, 0, len - HEADER);
	put16(block + 8, size / unit);
	block[10] = unit > 0xff ? 0 : unit;
	put16(block + 16, vm->nr_vcpus);
	put16(block + 18, CPUS_AT);
	memset(block + 24, 0x40, 8);	/* no load parameter: blanks in EBCDIC */
	if (unit > 0xff)
		put32(block + 100, unit);
	for (i = 0; i < vm->nr_vcpus; i++)
		block[CPUS_AT + i * CPU_ENTRY] = i;
	return RESPONSE_READ;
}

static u16 write_event_mask(u8 *block, u16 len)
{
	u16 size;

	if (len < HEADER + 4)
		return RESPONSE_SHORT;
	size = get16(block + HEADER + 2);
	if (size < 4 || HEADER + 4 + 4u * size > len)
		return RESPONSE_BAD_MASK;
	pthread_mutex_lock(&console.lock);
	console.listening = get32(block + HEADER + 4) & VT220_MASK;
	pthread_mutex_unlock(&console.lock);
	/* What this side takes, and what it gives. */
	memset(block + HEADER + 4 + 2 * size, 0, 2 * size);
	put32(block + HEADER + 4 + 2 * size, VT220_MASK);
	put32(block + HEADER + 4 + 3 * size, VT220_MASK);
	loop_wake();
	return RESPONSE_DONE;
}

static u16 write_event_data(u8 *block, u16 len)
{
	unsigned int at = HEADER;

	while (at < len) {
		u16 event = len - at >= EVENT_HEADER ? get16(block + at) : 0;

		if (event < EVENT_HEADER || event > len - at)
			return RESPONSE_BAD_BUFFER;
		if (block[at + 2] != VT220)
			return RESPONSE_NO_TYPE;
		terminal_write(block + at + EVENT_HEADER, event - EVENT_HEADER);
		block[at + 3] |= EVENT_ACCEPTED;
		at += event;
	}
	return RESPONSE_DONE;
}

static u16 read_event_data(u8 *block, u16 len)
{
	u16 response = RESPONSE_NO_EVENTS;

	pthread_mutex_lock(&console.lock);
	if (console.count && len < HEADER + EVENT_HEADER + 1 + console.count) {
		response = RESPONSE_SHORT;
	} else if (console.count) {
		u8 *event = block + HEADER;

		put16(event, EVENT_HEADER + 1 + console.count);
		event[2] = VT220;
		event[3] = 0;
		put16(event + 4, 0);
		event[EVENT_HEADER] = VT220_DATA;
		memcpy(event + EVENT_HEADER + 1, console.typed, console.count);
		put16(block, HEADER + EVENT_HEADER + 1 + console.count);
		console.count = 0;
		response = RESPONSE_DONE;
	}
	pthread_mutex_unlock(&console.lock);
	loop_wake();
	return response;
}

static u16 answer(struct vm *vm, u32 command, u8 *block, u16 len)
{
	switch (command) {
	case READ_SCP_INFO:
	case READ_SCP_INFO_FORCED:
		return read_scp_info(vm, block, len);
	case WRITE_EVENT_MASK:
		return write_event_mask(block, len);
	case WRITE_EVENT_DATA:
		return write_event_data(block, len);
	case READ_EVENT_DATA:
		return read_event_data(block, len);
	default:
		return RESPONSE_INVALID;
	}
}

void sclp_service_call(struct insn *i)
{
	struct vm *vm = i->vcpu->vm;
	u32 command = i->regs.gprs[i->ipb >> 20 & 15], gpa = i->regs.gprs[i->ipb >> 16 & 15];
	u8 copy[PAGE], *block;
	u16 len, response;

	if (gpa & 7 || gpa & 0x80000000) {
		insn_program(i, PGM_SPECIFICATION);
		return;
	}
	block = memory_at(&vm->memory, gpa, HEADER);
	len = block ? get16(block) : 0;
	if (!block || !memory_at(&vm->memory, gpa, len)) {
		insn_program(i, PGM_ADDRESSING);
		return;
	}
	if (len < HEADER) {
		insn_program(i, PGM_SPECIFICATION);
		return;
	}
	/* The guest may change it meanwhile: one copy, and then only that. */
	if (gpa % PAGE + len > PAGE) {
		response = RESPONSE_BOUNDARY;
		put16(block + RESPONSE_AT, response);
	} else {
		memcpy(copy, block, len);
		put16(copy, len);
		response = answer(vm, command, copy, len);
		put16(copy + RESPONSE_AT, response);
		memcpy(block, copy, len);
	}
	insn_cc(i, 0);
	pthread_mutex_lock(&console.lock);
	s390_interrupt(vm, KVM_S390_INT_SERVICE, gpa | (console.count ? EVENT_PENDING : 0), 0);
	pthread_mutex_unlock(&console.lock);
}

static size_t room(void *ctx)
{
	size_t bytes;

	(void)ctx;
	pthread_mutex_lock(&console.lock);
	bytes = console.listening && !console.count ? sizeof(console.typed) : 0;
	pthread_mutex_unlock(&console.lock);
	return bytes;
}

static void input(void *ctx, const u8 *data, size_t len)
{
	(void)ctx;
	pthread_mutex_lock(&console.lock);
	memcpy(console.typed, data, len);
	console.count = len;
	s390_interrupt(console.vm, KVM_S390_INT_SERVICE, EVENT_PENDING, 0);
	pthread_mutex_unlock(&console.lock);
}

void sclp_create(struct vm *vm)
{
	static const struct terminal_sink sink = { room, input, NULL, NULL };

	console.vm = vm;
	if (vm->options->console == CONSOLE_SERIAL)
		terminal_connect(&sink);
}
