// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550A as its data sheet (National PC16550D) has it, less what a line without wires does not
 * need: output leaves at once, speed and format are kept but mean nothing.
 */
#include <linux/serial_reg.h>
#include <pthread.h>
#include <string.h>

#include "loop.h"
#include "serial.h"

#define FIFO		16
#define IIR_FIFO	0xc0		/* FIFOs are on */
#define IER_BITS	(UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define MCR_BITS	(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | UART_MCR_LOOP)
#define CONNECTED	(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD)

struct serial {
	struct vm *vm;
	u32 gsi;
	struct terminal_sink sink;
	pthread_mutex_t lock;	/* for all below */
	u8 ier, fcr, lcr, mcr, scr, dll, dlm;
	u8 fifo[FIFO];
	unsigned int first, count;
	bool break_here;	/* the next byte in the FIFO is a break */
	bool thr_pending;	/* transmitter-empty interrupt not seen yet */
	bool line;		/* level of the interrupt line */
};

/* The pending interrupt of highest priority, as IIR has it. */
static u8 pending(const struct serial *s)
{
	if ((s->ier & UART_IER_RLSI) && s->break_here)
		return UART_IIR_RLSI;
	if ((s->ier & UART_IER_RDI) && s->count)
		return UART_IIR_RDI;
	if ((s->ier & UART_IER_THRI) && s->thr_pending)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_line(struct serial *s)
{
	bool level = pending(s) != UART_IIR_NO_INT && (s->mcr & UART_MCR_OUT2);

	if (level != s->line) {
		s->line = level;
		vm_irq_line(s->vm, s->gsi, level);
	}
}

static void put(struct serial *s, u8 byte)
{
	if (s->count < FIFO)
		s->fifo[(s->first + s->count++) % FIFO] = byte;
}

static u8 take(struct serial *s)
{
	u8 byte = 0;

	if (s->count) {
		byte = s->fifo[s->first];
		s->first = (s->first + 1) % FIFO;
		if (!--s->count)
			loop_wake();
	}
	return byte;
}

/* The modem's answer: always connected, or in loop-back mode what MCR says. */
static u8 modem_status(const struct serial *s)
{
	u8 msr = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return CONNECTED;
	if (s->mcr & UART_MCR_RTS)
		msr |= UART_MSR_CTS;
	if (s->mcr & UART_MCR_DTR)
		msr |= UART_MSR_DSR;
	if (s->mcr & UART_MCR_OUT1)
		msr |= UART_MSR_RI;
	if (s->mcr & UART_MCR_OUT2)
		msr |= UART_MSR_DCD;
	return msr;
}

static u8 read_register(struct serial *s, u64 offset)
{
	bool divisor = s->lcr & UART_LCR_DLAB;
	u8 value;

	switch (offset) {
	case UART_RX:
		return divisor ? s->dll : take(s);
	case UART_IER:
		return divisor ? s->dlm : s->ier;
	case UART_IIR:
		value = pending(s);
		if (value == UART_IIR_THRI)
			s->thr_pending = false;
		return value | (s->fcr & UART_FCR_ENABLE_FIFO ? IIR_FIFO : 0);
	case UART_LCR:
		return s->lcr;
	case UART_MCR:
		return s->mcr;
	case UART_LSR:
		value = UART_LSR_THRE | UART_LSR_TEMT | (s->count ? UART_LSR_DR : 0);
		if (s->break_here)
			value |= UART_LSR_BI;
		s->break_here = false;
		return value;
	case UART_MSR:
		return modem_status(s);
	default:
		return s->scr;
	}
}

static void transmit(struct serial *s, u8 byte)
{
	if (s->mcr & UART_MCR_LOOP)
		put(s, byte);
	else
		terminal_write(&byte, 1);
	s->thr_pending = true;
}

static void write_register(struct serial *s, u64 offset, u8 value)
{
	bool divisor = s->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (divisor)
			s->dll = value;
		else
			transmit(s, value);
		break;
	case UART_IER:
		if (divisor) {
			s->dlm = value;
			break;
		}
		/* The transmitter is empty, always: to want to know is to be told. */
		if (value & ~s->ier & UART_IER_THRI)
			s->thr_pending = true;
		s->ier = value & IER_BITS;
		loop_wake();	/* for room() */
		break;
	case UART_FCR:
		s->fcr = value;
		if (value & UART_FCR_CLEAR_RCVR) {
			s->count = 0;
			loop_wake();
		}
		break;
	case UART_LCR:
		s->lcr = value;
		break;
	case UART_MCR:
		s->mcr = value & MCR_BITS;
		break;
	case UART_SCR:
		s->scr = value;
		break;
	}
}

void serial_access(void *ctx, u64 offset, u8 *data, unsigned int len, bool write)
{
	struct serial *s = ctx;

	if (len != 1) {
		if (!write)
			memset(data, 0xff, len);
		return;
	}
	pthread_mutex_lock(&s->lock);
	if (write)
		write_register(s, offset, *data);
	else
		*data = read_register(s, offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static size_t room(void *ctx)
{
	struct serial *s = ctx;
	size_t bytes;

	pthread_mutex_lock(&s->lock);
	/* None until the guest has listened once, and none while it has not read the last. */
	bytes = (s->ier & UART_IER_RDI) && !s->count ? FIFO : 0;
	pthread_mutex_unlock(&s->lock);
	return bytes;
}

static void input(void *ctx, const u8 *data, size_t len)
{
	struct serial *s = ctx;

	pthread_mutex_lock(&s->lock);
	while (len--)
		put(s, *data++);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static void send_break(void *ctx)
{
	struct serial *s = ctx;

	pthread_mutex_lock(&s->lock);
	s->break_here = true;
	put(s, 0);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

struct serial *serial_create(struct vm *vm, u32 gsi)
{
	struct serial *s = allocate(sizeof(*s));

	*s = (struct serial){ .vm = vm, .gsi = gsi, .lcr = UART_LCR_WLEN8 };
	pthread_mutex_init(&s->lock, NULL);
	s->sink = (struct terminal_sink){ room, input, send_break, s };
	return s;
}

const struct terminal_sink *serial_sink(struct serial *s)
{
	return &s->sink;
}
