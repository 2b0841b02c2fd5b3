// SPDX-License-Identifier: GPL-2.0-only
/*
 * The channel subsystem: subchannels, each with one device on one path, and the instructions that
 * work on them (z/Architecture Principles of Operation, chapters 13 to 16). A channel program runs
 * to its end within START SUBCHANNEL; its end is an I/O interruption like any other.
 */
#include <pthread.h>
#include <string.h>

#include "s390.h"

#define SUBCHANNELS	16
#define SCHID_ONE	0x00010000u	/* what is always in an identification word */

#define OP_CSCH		0xb230
#define OP_HSCH		0xb231
#define OP_MSCH		0xb232
#define OP_SSCH		0xb233
#define OP_STSCH	0xb234
#define OP_RSCH		0xb238
#define OP_STCRW	0xb239
#define OP_STCPS	0xb23a
#define OP_RCHP		0xb23b
#define OP_SCHM		0xb23c
#define OP_CHSC		0xb25f
#define OP_SAL		0xb237
#define OP_XSCH		0xb276

/* Flags of the path-management-control word: interruption subclass, enabled, device number valid. */
#define PMCW_ISC	0x3800u
#define PMCW_ISC_SHIFT	11
#define PMCW_ENABLED	0x0080u
#define PMCW_VALID	0x0001u
#define PMCW_CONCURRENT_SENSE 1u	/* in the last word: a device may, but none does */
#define PATH		0x80	/* the only one */

/* Subchannel-status word: function, activity, status. */
#define FCTL_START	0x4000u
#define STATUS_ALERT	0x10u
#define STATUS_PRIMARY	0x04u
#define STATUS_SECONDARY 0x02u
#define STATUS_PENDING	0x01u
#define STATUS_BITS	0x1fu
#define DEVICE_CHANNEL_END	0x08
#define DEVICE_END		0x04
#define DEVICE_UNIT_CHECK	0x02
#define CHANNEL_LENGTH		0x40
#define CHANNEL_PROGRAM_CHECK	0x20

/* Commands that every device has. */
#define CCW_NOP		0x03
#define CCW_TIC		0x08
#define CCW_SENSE	0x04
#define CCW_SENSE_ID	0xe4
#define SENSE_BYTES	32u
#define SENSE_REJECT	0x80
#define PROGRAM_MOST	256	/* words: none loops */

#define ORB_FORMAT_1	0x00800000u
#define NOTIFY_VIRTIO	3

struct scsw {
	u32 control;
	u32 address;
	u8 device, channel;
	u16 count;
};

/* Big-endian, as the machine is. */
struct schib {
	u32 parameter;
	u16 flags, number;
	u8 lpm, pnom, lpum, pim;
	u16 mbi;
	u8 pom, pam;
	u8 chpid[8];
	u32 more;
	struct scsw scsw;
	u8 model_dependent[12];
};

struct irb {
	struct scsw scsw;
	u32 extended[5 + 8 + 8];
};

_Static_assert(sizeof(struct schib) == 52, "subchannel-information block");
_Static_assert(sizeof(struct irb) == 96, "interruption-response block");

static struct subchannel {
	struct css_device device;
	struct schib schib;
	bool busy;	/* a program runs, without the lock: the device's own comes first */
	u8 sense;	/* of the program's thread */
} subchannels[SUBCHANNELS];
static unsigned int nr_subchannels;
/* For the schibs; taken after a device's lock, when that wants attention. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

u32 css_schid(unsigned int number)
{
	return SCHID_ONE | number;
}

unsigned int css_add(struct vm *vm, const struct css_device *device)
{
	struct subchannel *s = &subchannels[nr_subchannels];

	(void)vm;
	if (nr_subchannels == SUBCHANNELS)
		die("no more than %d devices", SUBCHANNELS);
	s->device = *device;
	s->schib = (struct schib){
		.flags = PMCW_VALID, .number = nr_subchannels, .lpm = PATH, .pim = PATH, .pom = 0xff,
		.pam = PATH,
	};
	return nr_subchannels++;
}

static struct subchannel *find(u32 schid)
{
	u32 number = schid & 0xffff;

	return (schid & ~0xffffu) == SCHID_ONE && number < nr_subchannels ? &subchannels[number] : NULL;
}

/* Makes a status pending; lock held. */
static void set_status(struct vm *vm, struct subchannel *s, u32 status)
{
	unsigned int number = s - subchannels, isc = (s->schib.flags & PMCW_ISC) >> PMCW_ISC_SHIFT;

	s->schib.scsw.control |= status | STATUS_PENDING;
	s390_interrupt(vm, KVM_S390_INT_IO(0, 0, 0, number), css_schid(number),
		       (u64)s->schib.parameter << 32 | isc << 27);
}

void css_attention(struct vm *vm, unsigned int number)
{
	struct subchannel *s = &subchannels[number];

	pthread_mutex_lock(&lock);
	/* The end of a program is an interruption, too. */
	if (s->schib.flags & PMCW_ENABLED && !s->busy && !(s->schib.scsw.control & STATUS_PENDING))
		set_status(vm, s, STATUS_ALERT);
	pthread_mutex_unlock(&lock);
}

/* Gives @len bytes of @data to the guest, as many as the word has room for. */
static enum ccw_result give(struct vm *vm, const struct ccw *ccw, const void *data, u32 len,
			    u32 *count)
{
	u8 *at = memory_at(&vm->memory, ccw->address, ccw->count);

	if (!at)
		return CCW_PROGRAM_CHECK;
	*count = len < ccw->count ? len : ccw->count;
	memcpy(at, data, *count);
	return CCW_DONE;
}

static enum ccw_result command(struct vm *vm, struct subchannel *s, const struct ccw *ccw, u32 *count)
{
	u8 sense[SENSE_BYTES] = { s->sense };
	const u8 id[7] = { 0xff, s->device.cu_type >> 8, s->device.cu_type, s->device.cu_model };

	switch (ccw->command) {
	case CCW_NOP:
		return CCW_DONE;
	case CCW_SENSE:
		s->sense = 0;
		return give(vm, ccw, sense, sizeof(sense), count);
	case CCW_SENSE_ID:
		return give(vm, ccw, id, sizeof(id), count);
	default:
		return s->device.command(s->device.ctx, ccw, count);
	}
}

/* Runs a channel program from @address on; *w is how it ends. */
static void run(struct vm *vm, struct subchannel *s, u32 address, struct scsw *w)
{
	unsigned int steps;

	w->device = DEVICE_CHANNEL_END | DEVICE_END;
	w->channel = 0;
	for (steps = 0; steps < PROGRAM_MOST; steps++) {
		const struct ccw *at = memory_at(&vm->memory, address, sizeof(*at));
		enum ccw_result result = CCW_PROGRAM_CHECK;
		struct ccw ccw;
		u32 count = 0;

		w->address = address + sizeof(ccw);
		if (at && address % sizeof(ccw) == 0) {
			/* The guest may change it meanwhile. */
			memcpy(&ccw, at, sizeof(ccw));
			if (ccw.command == CCW_TIC) {
				address = ccw.address;
				continue;
			}
			if (!(ccw.flags & CCW_CHAIN_DATA))
				result = command(vm, s, &ccw, &count);
		}
		if (result == CCW_REJECT) {
			s->sense = SENSE_REJECT;
			w->device |= DEVICE_UNIT_CHECK;
			return;
		}
		if (result == CCW_PROGRAM_CHECK)
			break;
		w->count = ccw.count - count;
		if (w->count && !(ccw.flags & CCW_SUPPRESS_LENGTH)) {
			w->channel = CHANNEL_LENGTH;
			return;
		}
		if (!(ccw.flags & CCW_CHAIN_COMMAND))
			return;
		address += sizeof(ccw);
	}
	w->device = 0;
	w->channel = CHANNEL_PROGRAM_CHECK;
}

/* Operands are words; else the guest has an exception. */
static bool aligned(struct insn *i)
{
	if (insn_address(i) & 3) {
		insn_program(i, PGM_SPECIFICATION);
		return false;
	}
	return true;
}

static bool read_operand(struct insn *i, void *to, u32 len)
{
	return aligned(i) && insn_read(i, insn_address(i), to, len);
}

static bool write_operand(struct insn *i, const void *from, u32 len)
{
	return aligned(i) && insn_write(i, insn_address(i), from, len);
}

/* Lock held from here on. */
static void start_subchannel(struct insn *i, struct subchannel *s)
{
	struct scsw end = { .control = ORB_FORMAT_1 | FCTL_START };
	struct vm *vm = i->vcpu->vm;
	u32 orb[3];

	if (!read_operand(i, orb, sizeof(orb)))
		return;
	if (!(s->schib.flags & PMCW_ENABLED)) {
		insn_cc(i, 3);
	} else if (s->schib.scsw.control & STATUS_PENDING) {
		insn_cc(i, 1);
	} else if (s->busy) {
		insn_cc(i, 2);
	} else if (!(orb[1] & ORB_FORMAT_1) || orb[2] & 0x80000000) {
		insn_program(i, PGM_OPERAND);
	} else {
		s->schib.parameter = orb[0];
		s->schib.lpum = PATH;
		s->busy = true;
		pthread_mutex_unlock(&lock);
		run(vm, s, orb[2], &end);
		pthread_mutex_lock(&lock);
		s->busy = false;
		s->schib.scsw = end;
		set_status(vm, s, STATUS_PRIMARY | STATUS_SECONDARY |
				      (end.device & DEVICE_UNIT_CHECK || end.channel ? STATUS_ALERT : 0));
		insn_cc(i, 0);
	}
}

static void modify_subchannel(struct insn *i, struct subchannel *s)
{
	struct schib new;

	if (!read_operand(i, &new, sizeof(new)))
		return;
	if (s->busy || s->schib.scsw.control & STATUS_PENDING) {
		insn_cc(i, s->busy ? 2 : 1);
		return;
	}
	s->schib.parameter = new.parameter;
	s->schib.flags = PMCW_VALID | (new.flags & (PMCW_ISC | PMCW_ENABLED));
	s->schib.lpm = new.lpm;
	s->schib.more = new.more & PMCW_CONCURRENT_SENSE;
	insn_cc(i, 0);
}

static void store_subchannel(struct insn *i, struct subchannel *s)
{
	if (write_operand(i, &s->schib, sizeof(s->schib)))
		insn_cc(i, 0);
}

/* HALT and CLEAR: what is under way ends by itself, and soon. */
static void end_subchannel(struct insn *i, struct subchannel *s)
{
	if (s->busy || (i->opcode == OP_HSCH && s->schib.scsw.control & STATUS_PENDING)) {
		insn_cc(i, s->busy ? 2 : 1);
		return;
	}
	s->schib.scsw = (struct scsw){ .control = i->opcode == OP_HSCH ? 0x2000 : 0x1000 };
	set_status(i->vcpu->vm, s, i->opcode == OP_HSCH ? STATUS_PRIMARY | STATUS_SECONDARY : 0);
	insn_cc(i, 0);
}

void css_test_subchannel(struct insn *i)
{
	struct subchannel *s = find(i->regs.gprs[1]);
	struct irb irb = { 0 };

	pthread_mutex_lock(&lock);
	if (!s || !(s->schib.flags & PMCW_ENABLED)) {
		insn_cc(i, 3);
	} else {
		bool pending = s->schib.scsw.control & STATUS_PENDING;

		irb.scsw = s->schib.scsw;
		if (write_operand(i, &irb, sizeof(irb))) {
			if (pending)
				s->schib.scsw = (struct scsw){ 0 };
			insn_cc(i, !pending);
		}
	}
	pthread_mutex_unlock(&lock);
}

/* CHANNEL SUBSYSTEM CALL: none of the commands is there. */
static void call(struct insn *i)
{
	/* The answer comes behind the request: its length, and "command not available". */
	static const u16 answer[4] = { sizeof(answer), 4 };
	u64 block = i->regs.gprs[i->ipb >> 20 & 15];
	u16 len;

	if (block & 4095)
		insn_program(i, PGM_SPECIFICATION);
	else if (!insn_read(i, block, &len, sizeof(len)))
		return;
	else if (len < 16 || len % 8 || len > 4096 - sizeof(answer))
		insn_program(i, PGM_OPERAND);
	else if (insn_write(i, block + len, answer, sizeof(answer)))
		insn_cc(i, 0);
}

static void on_subchannel(struct insn *i)
{
	struct subchannel *s = find(i->regs.gprs[1]);

	if (!s) {
		insn_cc(i, 3);
		return;
	}
	switch (i->opcode) {
	case OP_SSCH:
		start_subchannel(i, s);
		break;
	case OP_MSCH:
		modify_subchannel(i, s);
		break;
	case OP_STSCH:
		store_subchannel(i, s);
		break;
	case OP_HSCH:
	case OP_CSCH:
		end_subchannel(i, s);
		break;
	default:
		/* RESUME and CANCEL: nothing is suspended or waits to start. */
		insn_cc(i, 2);
	}
}

bool css_instruction(struct insn *i)
{
	static const u32 none;

	pthread_mutex_lock(&lock);
	switch (i->opcode) {
	case OP_SSCH:
	case OP_MSCH:
	case OP_STSCH:
	case OP_HSCH:
	case OP_CSCH:
	case OP_RSCH:
	case OP_XSCH:
		on_subchannel(i);
		break;
	case OP_STCRW:
		/* No report is pending. */
		if (write_operand(i, &none, sizeof(none)))
			insn_cc(i, 1);
		break;
	case OP_CHSC:
		call(i);
		break;
	case OP_RCHP:
		insn_cc(i, 3);
		break;
	case OP_STCPS:
	case OP_SCHM:
	case OP_SAL:
		break;
	default:
		pthread_mutex_unlock(&lock);
		return false;
	}
	pthread_mutex_unlock(&lock);
	return true;
}

void css_notify(struct insn *i)
{
	struct subchannel *s = find(i->regs.gprs[2]);

	/* The result is negative where there is no such device; else a cookie that may come again. */
	if (i->regs.gprs[1] == NOTIFY_VIRTIO && s) {
		s->device.notify(s->device.ctx, i->regs.gprs[3]);
		insn_set(i, 2, 0);
	} else {
		insn_set(i, 2, -22);
	}
}
