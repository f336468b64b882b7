//go:build amd64 && goexperiment.simd

#include "textflag.h"

// The transforms of transforms8_amd64.go for sixteen channels at a time, with AVX-512, whose registers hold all that lies between
// the two halves of one. They compute the same, bit for bit. Distances are in bytes.

DATA factors<>+0(SB)/4, $2.0
DATA factors<>+4(SB)/4, $4.0
DATA factors<>+8(SB)/4, $8.0
DATA factors<>+12(SB)/4, $-2.0
DATA factors<>+16(SB)/4, $-4.0
DATA factors<>+20(SB)/4, $-5.0
GLOBL factors<>(SB), RODATA|NOPTR, $24

// The first and the second three rows of Bᵀ·d for a column whose pixels lie AX bytes apart from SI on; R8 is 3·AX, R9 5·AX.
#define UPPER(r0, r1, r2) \
	VMOVUPS     (SI), r0; \
	VMOVUPS     (SI)(AX*1), Z19; \
	VMOVUPS     (SI)(AX*2), Z20; \
	VMOVUPS     (SI)(R8*1), Z21; \
	VMOVUPS     (SI)(AX*4), Z22; \
	VFMADD213PS Z22, Z31, r0; \
	VFMADD231PS Z20, Z27, r0; \
	VFMADD231PS Z20, Z28, Z22; \
	VFMADD231PS Z19, Z28, Z21; \
	VADDPS      Z21, Z22, r1; \
	VSUBPS      Z21, Z22, r2

#define LOWER(r3, r4, r5) \
	VMOVUPS     (SI)(AX*1), Z19; \
	VMOVUPS     (SI)(AX*2), Z20; \
	VMOVUPS     (SI)(R8*1), Z21; \
	VMOVUPS     (SI)(AX*4), Z22; \
	VMOVUPS     (SI)(R9*1), r5; \
	VSUBPS      Z20, Z22, r3; \
	VSUBPS      Z19, Z21, Z22; \
	VFMADD231PS Z19, Z31, r5; \
	VFMADD231PS Z21, Z27, r5; \
	VMOVAPS     r3, r4; \
	VFMADD231PS Z22, Z30, r3; \
	VFMADD231PS Z22, Z29, r4

// A row of Bᵀ·d times B, to six places DX bytes apart from DI on, and on to the next; R13 is 3·DX, R14 5·DX.
#define ACROSS(h0, h1, h2, h3, h4, h5) \
	VFMADD213PS h4, Z31, h0; \
	VFMADD231PS h2, Z27, h0; \
	VMOVUPS     h0, (DI); \
	VMOVAPS     h4, Z19; \
	VMOVAPS     h3, Z20; \
	VFMADD231PS h2, Z28, Z19; \
	VFMADD231PS h1, Z28, Z20; \
	VADDPS      Z20, Z19, Z21; \
	VSUBPS      Z20, Z19, Z22; \
	VMOVUPS     Z21, (DI)(DX*1); \
	VMOVUPS     Z22, (DI)(DX*2); \
	VSUBPS      h2, h4, Z19; \
	VSUBPS      h1, h3, Z20; \
	VMOVAPS     Z19, Z21; \
	VFMADD231PS Z20, Z30, Z19; \
	VFMADD231PS Z20, Z29, Z21; \
	VMOVUPS     Z19, (DI)(R13*1); \
	VMOVUPS     Z21, (DI)(DX*4); \
	VFMADD231PS h1, Z31, h5; \
	VFMADD231PS h3, Z27, h5; \
	VMOVUPS     h5, (DI)(R14*1); \
	LEAQ        (DI)(R13*2), DI

// func inputs16(v *float32, plane int, p *float32, row, px, count int)
TEXT ·inputs16(SB), NOSPLIT, $0-48
	MOVQ v+0(FP), R10
	MOVQ plane+8(FP), DX
	MOVQ p+16(FP), R11
	MOVQ row+24(FP), AX
	MOVQ px+32(FP), BX
	MOVQ count+40(FP), CX
	LEAQ (AX)(AX*2), R8
	LEAQ (AX)(AX*4), R9
	LEAQ (DX)(DX*2), R13
	LEAQ (DX)(DX*4), R14
	VBROADCASTSS factors<>+0(SB), Z30
	VBROADCASTSS factors<>+4(SB), Z31
	VBROADCASTSS factors<>+12(SB), Z29
	VBROADCASTSS factors<>+16(SB), Z28
	VBROADCASTSS factors<>+20(SB), Z27

loop:
	MOVQ R10, DI
	MOVQ R11, SI
	UPPER(Z0, Z1, Z2)
	ADDQ BX, SI
	UPPER(Z3, Z4, Z5)
	ADDQ BX, SI
	UPPER(Z6, Z7, Z8)
	ADDQ BX, SI
	UPPER(Z9, Z10, Z11)
	ADDQ BX, SI
	UPPER(Z12, Z13, Z14)
	ADDQ BX, SI
	UPPER(Z15, Z16, Z17)
	ACROSS(Z0, Z3, Z6, Z9, Z12, Z15)
	ACROSS(Z1, Z4, Z7, Z10, Z13, Z16)
	ACROSS(Z2, Z5, Z8, Z11, Z14, Z17)
	MOVQ R11, SI
	LOWER(Z0, Z1, Z2)
	ADDQ BX, SI
	LOWER(Z3, Z4, Z5)
	ADDQ BX, SI
	LOWER(Z6, Z7, Z8)
	ADDQ BX, SI
	LOWER(Z9, Z10, Z11)
	ADDQ BX, SI
	LOWER(Z12, Z13, Z14)
	ADDQ BX, SI
	LOWER(Z15, Z16, Z17)
	ACROSS(Z0, Z3, Z6, Z9, Z12, Z15)
	ACROSS(Z1, Z4, Z7, Z10, Z13, Z16)
	ACROSS(Z2, Z5, Z8, Z11, Z14, Z17)
	ADDQ $64, R10
	ADDQ $64, R11
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// A column of Aᵀ·m, whose six values lie AX bytes apart from SI on; R8 is 3·AX, R9 5·AX.
#define COLUMN(r0, r1, r2, r3) \
	VMOVUPS     (SI)(AX*1), Z24; \
	VMOVUPS     (SI)(AX*2), Z25; \
	VADDPS      Z25, Z24, r2; \
	VSUBPS      Z25, Z24, r3; \
	VMOVUPS     (SI)(R8*1), Z24; \
	VMOVUPS     (SI)(AX*4), Z25; \
	VADDPS      Z25, Z24, Z26; \
	VSUBPS      Z25, Z24, Z24; \
	VADDPS      (SI), r2, r0; \
	VADDPS      Z26, r0, r0; \
	VMOVAPS     r3, r1; \
	VFMADD231PS Z24, Z29, r1; \
	VFMADD231PS Z26, Z30, r2; \
	VFMADD231PS Z24, Z31, r3; \
	VADDPS      (SI)(R9*1), r3, r3

// A row of Aᵀ·m times A plus the bias in Z28: to h0, h2, Z24 and h1.
#define ROW(h0, h1, h2, h3, h4, h5) \
	VADDPS      h2, h1, Z24; \
	VSUBPS      h2, h1, h1; \
	VADDPS      h4, h3, Z25; \
	VSUBPS      h4, h3, h3; \
	VADDPS      Z24, h0, h0; \
	VADDPS      Z25, h0, h0; \
	VADDPS      Z28, h0, h0; \
	VMOVAPS     h1, h2; \
	VFMADD231PS h3, Z29, h2; \
	VADDPS      Z28, h2, h2; \
	VFMADD231PS Z25, Z30, Z24; \
	VADDPS      Z28, Z24, Z24; \
	VFMADD231PS h3, Z31, h1; \
	VADDPS      h5, h1, h1; \
	VADDPS      Z28, h1, h1

// The four pixels of a row, BX bytes apart from DI on, and on to the next, R15 bytes further; R13 is 3·BX.
#define PIXELS(h0, h1, h2) \
	VMOVUPS h0, (DI); \
	VMOVUPS h2, (DI)(BX*1); \
	VMOVUPS Z24, (DI)(BX*2); \
	VMOVUPS h1, (DI)(R13*1); \
	ADDQ    R15, DI

// The same plus what lies in the same way from R12 on.
#define PLUS(h0, h1, h2) \
	VADDPS (R12), h0, h0; \
	VADDPS (R12)(BX*1), h2, h2; \
	VADDPS (R12)(BX*2), Z24, Z24; \
	VADDPS (R12)(R13*1), h1, h1; \
	ADDQ   R15, R12; \
	PIXELS(h0, h1, h2)

// func outputs16(y, add, m *float32, plane, next int, bias *float32, row, px, count int)
TEXT ·outputs16(SB), NOSPLIT, $0-72
	MOVQ m+16(FP), R10
	MOVQ plane+24(FP), DX
	MOVQ bias+40(FP), R14
	MOVQ row+48(FP), R15
	MOVQ px+56(FP), BX
	MOVQ count+64(FP), CX
	LEAQ (DX)(DX*2), AX
	ADDQ AX, AX
	LEAQ (AX)(AX*2), R8
	LEAQ (AX)(AX*4), R9
	LEAQ (BX)(BX*2), R13
	VBROADCASTSS factors<>+0(SB), Z29
	VBROADCASTSS factors<>+4(SB), Z30
	VBROADCASTSS factors<>+8(SB), Z31
	XORQ R11, R11

loop:
	MOVQ R10, SI
	COLUMN(Z0, Z6, Z12, Z18)
	ADDQ DX, SI
	COLUMN(Z1, Z7, Z13, Z19)
	ADDQ DX, SI
	COLUMN(Z2, Z8, Z14, Z20)
	ADDQ DX, SI
	COLUMN(Z3, Z9, Z15, Z21)
	ADDQ DX, SI
	COLUMN(Z4, Z10, Z16, Z22)
	ADDQ DX, SI
	COLUMN(Z5, Z11, Z17, Z23)
	VMOVUPS (R14), Z28
	MOVQ y+0(FP), DI
	ADDQ R11, DI
	MOVQ add+8(FP), R12
	TESTQ R12, R12
	JNZ  plus
	ROW(Z0, Z1, Z2, Z3, Z4, Z5)
	PIXELS(Z0, Z1, Z2)
	ROW(Z6, Z7, Z8, Z9, Z10, Z11)
	PIXELS(Z6, Z7, Z8)
	ROW(Z12, Z13, Z14, Z15, Z16, Z17)
	PIXELS(Z12, Z13, Z14)
	ROW(Z18, Z19, Z20, Z21, Z22, Z23)
	PIXELS(Z18, Z19, Z20)
	JMP  further

plus:
	ADDQ R11, R12
	ROW(Z0, Z1, Z2, Z3, Z4, Z5)
	PLUS(Z0, Z1, Z2)
	ROW(Z6, Z7, Z8, Z9, Z10, Z11)
	PLUS(Z6, Z7, Z8)
	ROW(Z12, Z13, Z14, Z15, Z16, Z17)
	PLUS(Z12, Z13, Z14)
	ROW(Z18, Z19, Z20, Z21, Z22, Z23)
	PLUS(Z18, Z19, Z20)

further:
	ADDQ next+32(FP), R10
	ADDQ $64, R14
	ADDQ $64, R11
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// A column of A·g, whose four values lie AX bytes apart from SI on; R8 is 3·AX.
#define WIDEN(r0, r1, r2, r3, r4, r5) \
	VMOVUPS     (SI), r0; \
	VMOVUPS     (SI)(AX*1), Z24; \
	VMOVUPS     (SI)(AX*2), Z25; \
	VMOVUPS     (SI)(R8*1), r5; \
	VADDPS      Z25, r0, Z26; \
	VADDPS      r5, Z24, Z27; \
	VADDPS      Z27, Z26, r1; \
	VSUBPS      Z27, Z26, r2; \
	VMOVAPS     r0, r3; \
	VFMADD231PS Z25, Z31, r3; \
	VFMADD231PS r5, Z31, Z24; \
	VMOVAPS     r3, r4; \
	VFMADD231PS Z24, Z30, r3; \
	VFMADD231PS Z24, Z29, r4

// A row of A·g times Aᵀ, to six places DX bytes apart from DI on, and on to the next; R13 is 3·DX, R14 5·DX.
#define WIDENED(h0, h1, h2, h3) \
	VMOVUPS     h0, (DI); \
	VADDPS      h2, h0, Z26; \
	VADDPS      h3, h1, Z27; \
	VADDPS      Z27, Z26, Z24; \
	VSUBPS      Z27, Z26, Z25; \
	VMOVUPS     Z24, (DI)(DX*1); \
	VMOVUPS     Z25, (DI)(DX*2); \
	VFMADD231PS h2, Z31, h0; \
	VFMADD231PS h3, Z31, h1; \
	VMOVAPS     h0, h2; \
	VFMADD231PS h1, Z30, h0; \
	VFMADD231PS h1, Z29, h2; \
	VMOVUPS     h0, (DI)(R13*1); \
	VMOVUPS     h2, (DI)(DX*4); \
	VMOVUPS     h3, (DI)(R14*1); \
	LEAQ        (DI)(R13*2), DI

// func adjoints16(m *float32, plane int, p *float32, row, px, count int)
TEXT ·adjoints16(SB), NOSPLIT, $0-48
	MOVQ m+0(FP), R10
	MOVQ plane+8(FP), DX
	MOVQ p+16(FP), R11
	MOVQ row+24(FP), AX
	MOVQ px+32(FP), BX
	MOVQ count+40(FP), CX
	LEAQ (AX)(AX*2), R8
	LEAQ (DX)(DX*2), R13
	LEAQ (DX)(DX*4), R14
	VBROADCASTSS factors<>+0(SB), Z30
	VBROADCASTSS factors<>+4(SB), Z31
	VBROADCASTSS factors<>+12(SB), Z29

loop:
	MOVQ R10, DI
	MOVQ R11, SI
	WIDEN(Z0, Z4, Z8, Z12, Z16, Z20)
	ADDQ BX, SI
	WIDEN(Z1, Z5, Z9, Z13, Z17, Z21)
	ADDQ BX, SI
	WIDEN(Z2, Z6, Z10, Z14, Z18, Z22)
	ADDQ BX, SI
	WIDEN(Z3, Z7, Z11, Z15, Z19, Z23)
	WIDENED(Z0, Z1, Z2, Z3)
	WIDENED(Z4, Z5, Z6, Z7)
	WIDENED(Z8, Z9, Z10, Z11)
	WIDENED(Z12, Z13, Z14, Z15)
	WIDENED(Z16, Z17, Z18, Z19)
	WIDENED(Z20, Z21, Z22, Z23)
	ADDQ $64, R10
	ADDQ $64, R11
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
