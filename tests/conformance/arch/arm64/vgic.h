/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt controllers for the arm64 tests: making one, its attributes, taking interrupts; the same for GICv3 and GICv2. */
#ifndef CONFORMANCE_VGIC_H
#define CONFORMANCE_VGIC_H

#include "arch_arm64.h"

#define SPI_FIRST	32
#define NR_IRQS		96
#define PPI_VTIMER	27
#define PPI_PTIMER	30

/* Registers of the distributor, and of the second frame of a redistributor; IHI 0069 12.9. */
#define GICD_CTLR	0x0000
#define GICD_TYPER	0x0004
#define GICD_IIDR	0x0008
#define GICD_IGROUPR	0x0080
#define GICD_ISENABLER	0x0100
#define GICD_ICENABLER	0x0180
#define GICD_ISPENDR	0x0200
#define GICD_ICPENDR	0x0280
#define GICD_ISACTIVER	0x0300
#define GICD_ICACTIVER	0x0380
#define GICD_IPRIORITYR	0x0400
#define GICD_ITARGETSR	0x0800
#define GICD_ICFGR	0x0c00
#define GICD_SGIR	0x0f00
#define GICD_SPENDSGIR	0x0f20
#define GICD_IROUTER	0x6000
#define GICR_TYPER	0x0008
#define GICR_WAKER	0x0014
#define GICR_SGI	0x10000
#define GICR_SIZE	0x20000

/* Of the CPU interface of a GICv2; IHI 0048 4.4. */
#define GICC_CTLR	0x0000
#define GICC_PMR	0x0004
#define GICC_BPR	0x0008
#define GICC_IAR	0x000c
#define GICC_EOIR	0x0010
#define GICC_ABPR	0x001c
#define GICC_APR	0x00d0

/* Guest code that unmasks interrupts for a moment. */
extern const unsigned char guest_open[];

struct gic {
	struct vm *vm;
	int fd;
	bool v3;
};

int dev_attr(int fd, unsigned long request, uint32_t group, uint64_t attr, const void *value);
/* Whether the host has this type of device. */
bool has_device(struct vm *vm, uint32_t type);
int create_device(struct vm *vm, uint32_t type);	/* its fd, or -errno */

/* A GIC of the host's kind without anything, and one at its place with NR_IRQS interrupts and initialized. */
struct gic gic_bare(struct vm *vm);
struct gic gic_new(struct vm *vm);
/* Ends the test where there is no GICv3, or GICv2, for guests. */
void need_v3(void);
void need_v2(void);
int gic_init(struct gic *gic);
int gic_place(struct gic *gic);

/* By the guest's own loads and stores. */
uint32_t gicd_read(struct vcpu *vcpu, uint32_t offset);
void gicd_write(struct vcpu *vcpu, uint32_t offset, uint32_t value);
/* A bit or byte for an interrupt, which for SGIs and PPIs of a GICv3 is in the redistributor. */
void irq_bit(struct vcpu *vcpu, struct gic *gic, uint32_t reg, unsigned int intid);
bool irq_bit_is_set(struct vcpu *vcpu, struct gic *gic, uint32_t reg, unsigned int intid);
void irq_priority(struct vcpu *vcpu, struct gic *gic, unsigned int intid, uint8_t priority);
void irq_edge(struct vcpu *vcpu, struct gic *gic, unsigned int intid, bool edge);
/* Distributor on, this vCPU's interface on, all priorities. */
void gic_on(struct vcpu *vcpu, struct gic *gic);
void irq_enable(struct vcpu *vcpu, struct gic *gic, unsigned int intid);
void send_sgi(struct vcpu *vcpu, struct gic *gic, unsigned int intid, unsigned int target);

/* Unmasks interrupts for a moment: the one that comes, or none. */
void expect_irq(struct vcpu *vcpu, struct gic *gic, unsigned int intid);
void expect_no_irq(struct vcpu *vcpu);
unsigned int irq_ack(struct vcpu *vcpu, struct gic *gic);
void irq_eoi(struct vcpu *vcpu, struct gic *gic, unsigned int intid);

/* KVM_IRQ_LINE. */
int irq_line(struct vm *vm, unsigned int type, unsigned int vcpu, unsigned int intid, int level);
int spi_line(struct vm *vm, unsigned int intid, int level);

#endif
