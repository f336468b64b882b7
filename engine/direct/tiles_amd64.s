//go:build amd64 && goexperiment.simd

#include "textflag.h"

// Go's assembler does not know the instructions of AMX, so that their bytes stand here (Intel, Instruction Set Extensions
// Programming Reference, chapter 3). LOAD_X(t) reads tile t from where registers say: rows at (SI) or (DI), AX bytes apart,
// for the left matrix, at (BX), DX bytes apart, for the right one, and at (CX), DX bytes apart, for the sum.
#define TILE_OP(prefix, op, modrm) BYTE $0xC4; BYTE $0xE2; BYTE $(prefix); BYTE $(op); BYTE $(modrm)
#define CONFIGURE TILE_OP(0x78, 0x49, 0x06)
#define RELEASE TILE_OP(0x78, 0x49, 0xC0)
#define ZERO(t) TILE_OP(0x7B, 0x49, 0xC0|(t)<<3)
#define LOAD_SI(t) TILE_OP(0x7B, 0x4B, 0x04|(t)<<3); BYTE $0x06
#define LOAD_DI(t) TILE_OP(0x7B, 0x4B, 0x04|(t)<<3); BYTE $0x07
#define LOAD_BX(t) TILE_OP(0x7B, 0x4B, 0x04|(t)<<3); BYTE $0x13
#define LOAD_BX_64(t) TILE_OP(0x7B, 0x4B, 0x44|(t)<<3); BYTE $0x13; BYTE $0x40
#define LOAD_BX_1024(t) TILE_OP(0x7B, 0x4B, 0x84|(t)<<3); BYTE $0x13; LONG $1024
#define LOAD_CX(t) TILE_OP(0x7B, 0x4B, 0x04|(t)<<3); BYTE $0x11
#define STORE_CX(t) TILE_OP(0x7A, 0x4B, 0x04|(t)<<3); BYTE $0x11

// MULTIPLY(c, a, b) adds the product of the tiles a and b to c.
#define MULTIPLY(c, a, b) TILE_OP(0x7A-8*(b), 0x5C, 0xC0|(c)<<3|(a))

// shape says that all eight tiles have 16 rows of 64 bytes.
DATA shape<>+0(SB)/8, $1
DATA shape<>+8(SB)/8, $0
DATA shape<>+16(SB)/8, $0x0040004000400040
DATA shape<>+24(SB)/8, $0x0040004000400040
DATA shape<>+32(SB)/8, $0
DATA shape<>+40(SB)/8, $0
DATA shape<>+48(SB)/8, $0x1010101010101010
DATA shape<>+56(SB)/8, $0
GLOBL shape<>(SB), RODATA|NOPTR, $64

#define MULTIPLY_ALL \
	MULTIPLY(0, 4, 6); \
	MULTIPLY(1, 4, 7); \
	MULTIPLY(2, 5, 6); \
	MULTIPLY(3, 5, 7)

// func tileRows(c, a *float32, starts *int, pairs, aRow int, steps *int, count int, b *float32, add int)
TEXT ·tileRows(SB), NOSPLIT, $0-72
	LEAQ shape<>(SB), SI
	CONFIGURE
	MOVQ c+0(FP), CX
	MOVQ a+8(FP), R15
	MOVQ starts+16(FP), R10
	MOVQ pairs+24(FP), R11
	MOVQ aRow+32(FP), AX

pair:
	MOVQ (R10), R12
	MOVQ 8(R10), R13
	ADDQ R15, R12
	ADDQ R15, R13
	MOVQ steps+40(FP), R8
	MOVQ count+48(FP), R14
	MOVQ b+56(FP), BX
	MOVQ add+64(FP), DI
	TESTQ DI, DI
	JNZ  load
	ZERO(0)
	ZERO(1)
	ZERO(2)
	ZERO(3)
	JMP  begin

load:
	MOVQ $128, DX
	LOAD_CX(0)
	ADDQ $64, CX
	LOAD_CX(1)
	ADDQ $1984, CX
	LOAD_CX(2)
	ADDQ $64, CX
	LOAD_CX(3)
	SUBQ $2112, CX

begin:
	MOVQ $64, DX

step:
	MOVQ (R8), R9
	LEAQ (R12)(R9*1), SI
	LEAQ (R13)(R9*1), DI
	LOAD_BX(6)
	LOAD_SI(4)
	LOAD_BX_1024(7)
	LOAD_DI(5)
	MULTIPLY_ALL
	ADDQ $8, R8
	ADDQ $2048, BX
	DECQ R14
	JNZ  step

	MOVQ $128, DX
	STORE_CX(0)
	ADDQ $64, CX
	STORE_CX(1)
	ADDQ $1984, CX
	STORE_CX(2)
	ADDQ $64, CX
	STORE_CX(3)
	ADDQ $1984, CX
	ADDQ $16, R10
	DECQ R11
	JNZ  pair
	RELEASE
	RET

// func tileSums(c *float32, cRow int, a *float32, aRow, aNext int, b *float32, bRow, bNext, count, parts, add int)
TEXT ·tileSums(SB), NOSPLIT, $0-88
	LEAQ shape<>(SB), SI
	CONFIGURE
	MOVQ c+0(FP), CX
	MOVQ cRow+8(FP), DX
	MOVQ DX, R15
	SHLQ $4, R15
	MOVQ add+80(FP), R10
	TESTQ R10, R10
	JNZ  load
	ZERO(0)
	ZERO(1)
	ZERO(2)
	ZERO(3)
	JMP  begin

load:
	LOAD_CX(0)
	ADDQ R15, CX
	LOAD_CX(2)
	ADDQ $64, CX
	LOAD_CX(3)
	SUBQ R15, CX
	LOAD_CX(1)
	SUBQ $64, CX

begin:
	MOVQ a+16(FP), R12
	MOVQ aRow+24(FP), AX
	MOVQ b+40(FP), R13
	MOVQ bRow+48(FP), DX
	MOVQ AX, R8
	SHLQ $4, R8
	MOVQ DX, R9
	SHLQ $4, R9
	MOVQ parts+72(FP), R11

part:
	MOVQ R12, SI
	LEAQ (R12)(R8*1), DI
	MOVQ R13, BX
	MOVQ count+64(FP), R14

step:
	LOAD_BX(6)
	LOAD_SI(4)
	LOAD_BX_64(7)
	LOAD_DI(5)
	MULTIPLY_ALL
	ADDQ $64, SI
	ADDQ $64, DI
	ADDQ R9, BX
	DECQ R14
	JNZ  step
	ADDQ aNext+32(FP), R12
	ADDQ bNext+56(FP), R13
	DECQ R11
	JNZ  part

	MOVQ cRow+8(FP), DX
	STORE_CX(0)
	ADDQ R15, CX
	STORE_CX(2)
	ADDQ $64, CX
	STORE_CX(3)
	SUBQ R15, CX
	STORE_CX(1)
	RELEASE
	RET

// Rows a, b, c, d of four become, in every group of four columns, their transpose. t, u, v and w are spoilt.
#define FOURS(a, b, c, d, t, u, v, w) \
	VPUNPCKLDQ  b, a, t; \
	VPUNPCKHDQ  b, a, u; \
	VPUNPCKLDQ  d, c, v; \
	VPUNPCKHDQ  d, c, w; \
	VPUNPCKLQDQ v, t, a; \
	VPUNPCKHQDQ v, t, b; \
	VPUNPCKLQDQ w, u, c; \
	VPUNPCKHQDQ w, u, d

// The four groups of four columns of a, b, c, d, as a matrix, become their transpose; likewise.
#define GROUPS(a, b, c, d, t, u, v, w) \
	VSHUFI32X4 $0x44, b, a, t; \
	VSHUFI32X4 $0xEE, b, a, u; \
	VSHUFI32X4 $0x44, d, c, v; \
	VSHUFI32X4 $0xEE, d, c, w; \
	VSHUFI32X4 $0x88, v, t, a; \
	VSHUFI32X4 $0xDD, v, t, b; \
	VSHUFI32X4 $0x88, w, u, c; \
	VSHUFI32X4 $0xDD, w, u, d

// READ and WRITE take four rows from (SI), DX bytes apart, and to (DI), AX bytes apart, and go on behind them; R8 and R9 are
// three times the distances.
#define READ(a, b, c, d) \
	VMOVDQU32 (SI), a; \
	VMOVDQU32 (SI)(DX*1), b; \
	VMOVDQU32 (SI)(DX*2), c; \
	VMOVDQU32 (SI)(R8*1), d; \
	LEAQ (SI)(DX*4), SI

#define WRITE(a, b, c, d) \
	VMOVDQU32 a, (DI); \
	VMOVDQU32 b, (DI)(AX*1); \
	VMOVDQU32 c, (DI)(AX*2); \
	VMOVDQU32 d, (DI)(R9*1); \
	LEAQ (DI)(AX*4), DI

// func transpose16(to *float32, toRow int, from *float32, fromRow int)
TEXT ·transpose16(SB), NOSPLIT, $0-32
	MOVQ to+0(FP), DI
	MOVQ toRow+8(FP), AX
	MOVQ from+16(FP), SI
	MOVQ fromRow+24(FP), DX
	LEAQ (DX)(DX*2), R8
	LEAQ (AX)(AX*2), R9
	READ(Z0, Z1, Z2, Z3)
	READ(Z4, Z5, Z6, Z7)
	READ(Z8, Z9, Z10, Z11)
	READ(Z12, Z13, Z14, Z15)
	FOURS(Z0, Z1, Z2, Z3, Z16, Z17, Z18, Z19)
	FOURS(Z4, Z5, Z6, Z7, Z20, Z21, Z22, Z23)
	FOURS(Z8, Z9, Z10, Z11, Z24, Z25, Z26, Z27)
	FOURS(Z12, Z13, Z14, Z15, Z28, Z29, Z30, Z31)
	GROUPS(Z0, Z4, Z8, Z12, Z16, Z17, Z18, Z19)
	GROUPS(Z1, Z5, Z9, Z13, Z20, Z21, Z22, Z23)
	GROUPS(Z2, Z6, Z10, Z14, Z24, Z25, Z26, Z27)
	GROUPS(Z3, Z7, Z11, Z15, Z28, Z29, Z30, Z31)
	WRITE(Z0, Z1, Z2, Z3)
	WRITE(Z4, Z5, Z6, Z7)
	WRITE(Z8, Z9, Z10, Z11)
	WRITE(Z12, Z13, Z14, Z15)
	VZEROUPPER
	RET
