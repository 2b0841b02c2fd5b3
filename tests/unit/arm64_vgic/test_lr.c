// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list registers of arch/arm64/vgic, against a guest that acknowledges and ends what it
 * finds in them as a CPU interface does (IHI 0069, 4.8), with ends of two kinds: of what is
 * in a list register, and of what is not, which is counted.
 */
#include "lr.h"
#include "../x86_emulate/ktap.h"
#include <string.h>

#define SPIS	8
#define LRS	4
#define CTLR	VGIC_CTLR_GROUPS
#define SPI(n)	(VGIC_PRIVATE_IRQS + (n))

static struct vgic_cpu cpu, other;
static struct vgic_irq spi[SPIS], sgi;
static struct vgic_acks acks;
static u64 lr[VGIC_MAX_LRS];
static unsigned int used;
static u32 hcr;
static unsigned int counted;		/* ends that found no list register */
static u32 active[16];			/* what the guest is in, the innermost last */
static unsigned int nr_active;
static bool phys_line;
static unsigned int phys_ends;

bool vgic_phys_line(struct vgic_irq *irq)
{
	return phys_line;
}

void vgic_phys_deactivate(struct vgic_irq *irq)
{
	phys_ends++;
}

void vgic_lpi_put(struct vgic_irq *irq)
{
}

static void start(void)
{
	unsigned int i;

	memset(&cpu, 0, sizeof(cpu));
	memset(spi, 0, sizeof(spi));
	memset(&sgi, 0, sizeof(sgi));
	memset(&acks, 0, sizeof(acks));
	memset(lr, 0, sizeof(lr));
	used = hcr = counted = nr_active = phys_ends = 0;
	phys_line = false;
	INIT_LIST_HEAD(&cpu.queue);
	for (i = 0; i < SPIS; i++) {
		vgic_irq_init(&spi[i], SPI(i), &cpu);
		spi[i].enabled = spi[i].group1 = true;
		spi[i].priority = 0x80;
	}
	vgic_irq_init(&sgi, 3, &cpu);
	sgi.group1 = true;
}

/* What irq.c does when an interrupt's state has changed. */
static void changed(struct vgic_irq *irq)
{
	if (list_empty(&irq->link) && vgic_irq_wants(irq))
		list_add_tail(&irq->link, &cpu.queue);
}

static void edge(struct vgic_irq *irq)
{
	irq->edge = true;
	irq->latch = true;
	changed(irq);
}

static void line(struct vgic_irq *irq, bool high)
{
	irq->lines = high ? BIT(BERTH_IRQ_USER) : 0;
	changed(irq);
}

static void update(void)
{
	vgic_count_eois(&cpu, counted, &acks);
	counted = 0;
	vgic_take_lrs(&cpu, lr, &acks, true);
	memset(lr, 0, sizeof(lr));
	vgic_fill_lrs(&cpu, lr, LRS, CTLR, &hcr);
	used = cpu.used;
}

/* ---- the guest ---- */

static u8 priority_of(u64 reg)
{
	return reg >> ICH_LR_PRIORITY_SHIFT;
}

/* ICC_IAR1_EL1: the most urgent one that preempts what runs, or 1023. */
static u32 acknowledge(void)
{
	int best = -1;
	unsigned int i;

	for (i = 0; i < used; i++)
		if ((lr[i] & ICH_LR_PENDING_BIT) &&
		    (best < 0 || priority_of(lr[i]) < priority_of(lr[best])))
			best = i;
	if (best < 0 || (nr_active && priority_of(lr[best]) >= active[nr_active - 1] >> 24))
		return 1023;
	lr[best] = (lr[best] & ~ICH_LR_PENDING_BIT) | ICH_LR_ACTIVE_BIT;
	active[nr_active++] = (u32)lr[best] | (u32)priority_of(lr[best]) << 24;
	return (u32)lr[best];
}

/* ICC_EOIR1_EL1 of the innermost. */
static void end(void)
{
	u32 intid = active[--nr_active] & 0xffffff;
	unsigned int i;

	for (i = 0; i < used; i++) {
		if ((u32)lr[i] != intid || !(lr[i] & ICH_LR_ACTIVE_BIT))
			continue;
		lr[i] &= ~ICH_LR_ACTIVE_BIT;
		return;
	}
	counted++;
}

/* ---- tests ---- */

static void an_edge_comes_once(void)
{
	edge(&spi[0]);
	update();
	ktap_check(acknowledge() == SPI(0), "not acknowledged");
	update();
	ktap_check(acknowledge() == 1023, "comes while it is active");
	end();
	update();
	ktap_check(acknowledge() == 1023, "comes again");
	ktap_check(list_empty(&cpu.queue), "is still queued");
}

static void an_edge_while_active_comes_after_the_end(void)
{
	edge(&spi[0]);
	update();
	acknowledge();
	edge(&spi[0]);
	update();
	ktap_check((lr[0] & ICH_LR_STATE) == ICH_LR_STATE, "not pending and active: %llx",
		   (unsigned long long)lr[0]);
	end();
	ktap_check(acknowledge() == SPI(0), "lost");
}

static void edges_not_taken_yet_are_one(void)
{
	edge(&spi[0]);
	update();
	edge(&spi[0]);
	update();
	ktap_check(acknowledge() == SPI(0), "lost");
	end();
	update();
	ktap_check(acknowledge() == 1023, "comes twice");
}

static void an_edge_after_the_acknowledge_that_nobody_saw_comes_again(void)
{
	edge(&spi[0]);
	update();
	acknowledge();
	end();
	edge(&spi[0]);
	update();
	ktap_check(acknowledge() == SPI(0), "lost");
}

static void a_high_line_comes_again_after_the_end(void)
{
	line(&spi[0], true);
	update();
	ktap_check(lr[0] & ICH_LR_EOI, "its end will not be told");
	ktap_check(acknowledge() == SPI(0), "not acknowledged");
	update();
	ktap_check(!(lr[0] & ICH_LR_PENDING_BIT), "pending while active");
	end();
	ktap_check(acks.nr == 0, "told too early");
	update();
	ktap_check(acks.nr == 1 && acks.pin[0] == 0, "end not told");
	ktap_check(acknowledge() == SPI(0), "does not come again");
	line(&spi[0], false);
	end();
	update();
	ktap_check(acknowledge() == 1023, "comes with a low line");
	ktap_check(acks.nr == 2, "second end not told");
}

static void a_line_that_falls_is_withdrawn(void)
{
	line(&spi[0], true);
	update();
	line(&spi[0], false);
	update();
	ktap_check(used == 0, "still in a list register");
	ktap_check(acks.nr == 0, "an end that was none is told");
}

static void a_latched_level_is_taken_once(void)
{
	spi[0].latch = true;
	changed(&spi[0]);
	update();
	ktap_check(acknowledge() == SPI(0), "not acknowledged");
	end();
	update();
	ktap_check(acknowledge() == 1023, "comes again");
	spi[0].latch = true;
	changed(&spi[0]);
	update();
	update();
	ktap_check(acknowledge() == SPI(0), "an update in between loses it");
}

static void disabled_ones_wait(void)
{
	edge(&spi[0]);
	spi[0].enabled = false;
	update();
	ktap_check(used == 0, "forwarded");
	spi[0].enabled = true;
	changed(&spi[0]);
	update();
	ktap_check(acknowledge() == SPI(0), "lost");
}

static void a_group_that_is_off_waits(void)
{
	u32 unused;

	edge(&spi[0]);
	edge(&spi[1]);
	spi[1].group1 = false;
	vgic_fill_lrs(&cpu, lr, LRS, VGIC_CTLR_GROUP1, &unused);
	ktap_check(cpu.used == 1 && (u32)lr[0] == SPI(0) && (lr[0] & ICH_LR_GROUP), "not the one of group 1 alone");
	vgic_take_lrs(&cpu, lr, &acks, true);
	vgic_fill_lrs(&cpu, lr, LRS, VGIC_CTLR_GROUP0, &unused);
	ktap_check(cpu.used == 1 && (u32)lr[0] == SPI(1) && !(lr[0] & ICH_LR_GROUP), "not the one of group 0 alone");
}

static void one_routed_elsewhere_is_not_forwarded_here(void)
{
	edge(&spi[0]);
	spi[0].target = &other;
	update();
	ktap_check(used == 0, "forwarded");
	ktap_check(!list_empty(&spi[0].link), "nobody will move it");
	spi[0].target = NULL;
	update();
	ktap_check(list_empty(&spi[0].link) && spi[0].latch, "lost, or queued for nobody");
}

static void an_active_one_stays_until_its_end(void)
{
	edge(&spi[0]);
	update();
	acknowledge();
	spi[0].target = &other;
	update();
	ktap_check(used == 1 && (lr[0] & ICH_LR_ACTIVE_BIT), "gone");
}

static void senders_of_an_sgi_come_one_by_one(void)
{
	unsigned int seen = 0, i;

	sgi.by_source = true;
	sgi.latch = true;
	sgi.sources = BIT(1) | BIT(4);
	changed(&sgi);
	update();
	ktap_check(lr[0] & ICH_LR_EOI, "the end will not be told");
	/* An update between them changes nothing. */
	update();
	for (i = 0; i < 2; i++) {
		seen |= BIT(lr[0] >> ICH_LR_PHYS_ID_SHIFT & 7);
		ktap_check(acknowledge() == 3, "sender %u not acknowledged", i);
		update();
		ktap_check((lr[0] & ICH_LR_STATE) == ICH_LR_ACTIVE_BIT, "state lost");
		end();
		update();
	}
	ktap_check(seen == (BIT(1) | BIT(4)), "senders %x", seen);
	ktap_check(acknowledge() == 1023, "one more");
}

static void a_physical_interrupt_ends_in_hardware(void)
{
	struct vgic_irq *irq = &spi[0];

	irq->hw = true;
	irq->hw_intid = 27;
	phys_line = true;
	line(irq, true);
	update();
	ktap_check((lr[0] & ICH_LR_HW) && (lr[0] >> ICH_LR_PHYS_ID_SHIFT & 0x3ff) == 27 &&
		   (lr[0] & ICH_LR_STATE) == ICH_LR_PENDING_BIT, "list register %llx",
		   (unsigned long long)lr[0]);
	acknowledge();
	phys_line = false;
	end();
	update();
	ktap_check(used == 0 && list_empty(&irq->link), "still there");
	ktap_check(phys_ends == 0, "ended by software, too");
}

static void a_physical_line_that_falls_ends_by_software(void)
{
	spi[0].hw = true;
	phys_line = true;
	line(&spi[0], true);
	update();
	phys_line = false;
	update();
	ktap_check(used == 0, "still in a list register");
	ktap_check(phys_ends == 1, "stays active in the host: %u", phys_ends);
}

static void others_leave_physical_interrupts_alone(void)
{
	spi[0].hw = true;
	line(&spi[0], true);
	edge(&spi[1]);
	update();
	acknowledge();
	vgic_take_lrs(&cpu, lr, &acks, false);
	ktap_check(spi[0].lr >= 0 && spi[1].lr < 0, "list registers %d %d", spi[0].lr, spi[1].lr);
}

static void the_most_urgent_get_the_list_registers(void)
{
	unsigned int i;

	for (i = 0; i < SPIS; i++) {
		spi[i].priority = 0x80 - 8 * i;
		edge(&spi[i]);
	}
	update();
	ktap_check(used == LRS && (hcr & ICH_HCR_UIE), "used %u hcr %x", used, hcr);
	for (i = SPIS; i--; ) {
		ktap_check(acknowledge() == SPI(i), "not %u", i);
		end();
		update();
	}
	ktap_check(used == 0 && hcr == 0, "used %u hcr %x", used, hcr);
}

static void ends_beyond_the_list_registers_are_counted(void)
{
	unsigned int i;

	for (i = 0; i < SPIS; i++) {
		spi[i].priority = 0x80 - 8 * i;
		edge(&spi[i]);
		update();
		ktap_check(acknowledge() == SPI(i), "%u not acknowledged", i);
	}
	update();
	ktap_check(hcr & ICH_HCR_LRENPIE, "hcr %x", hcr);
	for (i = SPIS; i--; ) {
		end();
		update();
		ktap_check(!spi[i].active, "%u is still active", i);
	}
	ktap_check(list_empty(&cpu.queue), "something is left");
}

/*
 * Anything, in any order: what the guest gets is what a distributor with as many list
 * registers as interrupts would give it.
 */
static void any_order_is_as_without_list_registers(void)
{
	unsigned long long random = 0x5eed;
	struct { bool latch, line, edge, enabled, active; u8 priority; } model[SPIS] = {};
	unsigned int step, i, n;
	u32 got, best;

	for (i = 0; i < SPIS; i++) {
		model[i].edge = spi[i].edge = i & 1;
		model[i].enabled = true;
		model[i].priority = spi[i].priority = 8 * i;
	}
	for (step = 0; step < 200000; step++) {
		n = test_random(&random) % SPIS;
		switch (test_random(&random) % 6) {
		case 0:
			if (model[n].edge) {
				model[n].latch = true;
				edge(&spi[n]);
			} else {
				model[n].line = !model[n].line;
				line(&spi[n], model[n].line);
			}
			break;
		case 1:
			model[n].enabled = spi[n].enabled = !model[n].enabled;
			changed(&spi[n]);
			break;
		case 2:
			if (nr_active) {
				model[(active[nr_active - 1] & 0xffffff) - VGIC_PRIVATE_IRQS].active = false;
				end();
			}
			break;
		default:
			/* Whatever changed, the vCPU looks at it before it goes on. */
			update();
			best = 1023;
			for (i = 0; i < SPIS && best == 1023; i++)
				if (model[i].active)
					break;
				else if (model[i].enabled && (model[i].edge ? model[i].latch : model[i].line))
					best = SPI(i);
			got = acknowledge();
			if (!ktap_check(got == best, "step %u: %u instead of %u", step, got, best))
				return;
			if (got != 1023) {
				model[got - VGIC_PRIVATE_IRQS].active = true;
				model[got - VGIC_PRIVATE_IRQS].latch = false;
			}
		}
		acks.nr = 0;
	}
}

#define TEST(name)	{ #name, name }

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(an_edge_comes_once),
	TEST(an_edge_while_active_comes_after_the_end),
	TEST(edges_not_taken_yet_are_one),
	TEST(an_edge_after_the_acknowledge_that_nobody_saw_comes_again),
	TEST(a_high_line_comes_again_after_the_end),
	TEST(a_line_that_falls_is_withdrawn),
	TEST(a_latched_level_is_taken_once),
	TEST(disabled_ones_wait),
	TEST(a_group_that_is_off_waits),
	TEST(one_routed_elsewhere_is_not_forwarded_here),
	TEST(an_active_one_stays_until_its_end),
	TEST(senders_of_an_sgi_come_one_by_one),
	TEST(a_physical_interrupt_ends_in_hardware),
	TEST(a_physical_line_that_falls_ends_by_software),
	TEST(others_leave_physical_interrupts_alone),
	TEST(the_most_urgent_get_the_list_registers),
	TEST(ends_beyond_the_list_registers_are_counted),
	TEST(any_order_is_as_without_list_registers),
};

int main(void)
{
	unsigned int i;

	ktap_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		start();
		tests[i].run();
		ktap_end(tests[i].name);
	}
	return ktap_result();
}
