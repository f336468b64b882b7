//go:build amd64 && goexperiment.simd

#include "textflag.h"

// ARGUMENTS has the arguments that all kernels begin with in registers.
#define ARGUMENTS \
	MOVQ k+0(FP), CX; \
	MOVQ a+8(FP), SI; \
	MOVQ aRow+16(FP), AX; \
	MOVQ aStep+24(FP), R10; \
	MOVQ b+32(FP), BX; \
	MOVQ bStep+40(FP), R11; \
	MOVQ c+48(FP), DI; \
	MOVQ cRow+56(FP), DX; \
	MOVQ add+64(FP), R12

// func narrow6x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow int, add int)
//
// Y0 … Y11 hold the tile of C, two vectors a row. Strides are in bytes. R8 and R9 are three and five times the distance between
// rows of A, R13 and R14 that of C.
TEXT ·narrow6x16(SB), NOSPLIT, $0-72
	ARGUMENTS
	LEAQ (AX)(AX*2), R8
	LEAQ (AX)(AX*4), R9
	LEAQ (DX)(DX*2), R13
	LEAQ (DX)(DX*4), R14
	TESTQ R12, R12
	JNZ  load
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	JMP  loop

load:
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS (DI)(DX*1), Y2
	VMOVUPS 32(DI)(DX*1), Y3
	VMOVUPS (DI)(DX*2), Y4
	VMOVUPS 32(DI)(DX*2), Y5
	VMOVUPS (DI)(R13*1), Y6
	VMOVUPS 32(DI)(R13*1), Y7
	VMOVUPS (DI)(DX*4), Y8
	VMOVUPS 32(DI)(DX*4), Y9
	VMOVUPS (DI)(R14*1), Y10
	VMOVUPS 32(DI)(R14*1), Y11

loop:
	VMOVUPS      (BX), Y12
	VMOVUPS      32(BX), Y13
	VBROADCASTSS (SI), Y14
	VBROADCASTSS (SI)(AX*1), Y15
	VFMADD231PS  Y12, Y14, Y0
	VFMADD231PS  Y13, Y14, Y1
	VFMADD231PS  Y12, Y15, Y2
	VFMADD231PS  Y13, Y15, Y3
	VBROADCASTSS (SI)(AX*2), Y14
	VBROADCASTSS (SI)(R8*1), Y15
	VFMADD231PS  Y12, Y14, Y4
	VFMADD231PS  Y13, Y14, Y5
	VFMADD231PS  Y12, Y15, Y6
	VFMADD231PS  Y13, Y15, Y7
	VBROADCASTSS (SI)(AX*4), Y14
	VBROADCASTSS (SI)(R9*1), Y15
	VFMADD231PS  Y12, Y14, Y8
	VFMADD231PS  Y13, Y14, Y9
	VFMADD231PS  Y12, Y15, Y10
	VFMADD231PS  Y13, Y15, Y11
	ADDQ         R10, SI
	ADDQ         R11, BX
	DECQ         CX
	JNZ          loop

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, (DI)(DX*1)
	VMOVUPS Y3, 32(DI)(DX*1)
	VMOVUPS Y4, (DI)(DX*2)
	VMOVUPS Y5, 32(DI)(DX*2)
	VMOVUPS Y6, (DI)(R13*1)
	VMOVUPS Y7, 32(DI)(R13*1)
	VMOVUPS Y8, (DI)(DX*4)
	VMOVUPS Y9, 32(DI)(DX*4)
	VMOVUPS Y10, (DI)(R14*1)
	VMOVUPS Y11, 32(DI)(R14*1)
	VZEROUPPER
	RET

// The kernels for AVX-512 take eight rows. FIFTHS sets R8 and R13 to three times the distances between rows, and R15 and R9 to
// the fifth rows of A and of C.
#define FIFTHS \
	LEAQ (AX)(AX*2), R8; \
	LEAQ (DX)(DX*2), R13; \
	LEAQ (SI)(AX*4), R15; \
	LEAQ (DI)(DX*4), R9

// CLEAR, LOAD and STORE begin and end with eight rows of C.
#define CLEAR(z0, z1, z2, z3, z4, z5, z6, z7) \
	VPXORQ z0, z0, z0; \
	VPXORQ z1, z1, z1; \
	VPXORQ z2, z2, z2; \
	VPXORQ z3, z3, z3; \
	VPXORQ z4, z4, z4; \
	VPXORQ z5, z5, z5; \
	VPXORQ z6, z6, z6; \
	VPXORQ z7, z7, z7

#define LOAD(base, fifth, z0, z1, z2, z3, z4, z5, z6, z7) \
	VMOVUPS (base), z0; \
	VMOVUPS (base)(DX*1), z1; \
	VMOVUPS (base)(DX*2), z2; \
	VMOVUPS (base)(R13*1), z3; \
	VMOVUPS (fifth), z4; \
	VMOVUPS (fifth)(DX*1), z5; \
	VMOVUPS (fifth)(DX*2), z6; \
	VMOVUPS (fifth)(R13*1), z7

#define STORE(base, fifth, z0, z1, z2, z3, z4, z5, z6, z7) \
	VMOVUPS z0, (base); \
	VMOVUPS z1, (base)(DX*1); \
	VMOVUPS z2, (base)(DX*2); \
	VMOVUPS z3, (base)(R13*1); \
	VMOVUPS z4, (fifth); \
	VMOVUPS z5, (fifth)(DX*1); \
	VMOVUPS z6, (fifth)(DX*2); \
	VMOVUPS z7, (fifth)(R13*1)

// func wide8x16(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow int, add int)
//
// Z0 … Z7 hold the tile of C, a vector a row.
TEXT ·wide8x16(SB), NOSPLIT, $0-72
	ARGUMENTS
	FIFTHS
	TESTQ R12, R12
	JNZ  load
	CLEAR(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	JMP  loop

load:
	LOAD(DI, R9, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)

loop:
	VMOVUPS          (BX), Z16
	VFMADD231PS.BCST (SI), Z16, Z0
	VFMADD231PS.BCST (SI)(AX*1), Z16, Z1
	VFMADD231PS.BCST (SI)(AX*2), Z16, Z2
	VFMADD231PS.BCST (SI)(R8*1), Z16, Z3
	VFMADD231PS.BCST (R15), Z16, Z4
	VFMADD231PS.BCST (R15)(AX*1), Z16, Z5
	VFMADD231PS.BCST (R15)(AX*2), Z16, Z6
	VFMADD231PS.BCST (R15)(R8*1), Z16, Z7
	ADDQ             R10, SI
	ADDQ             R10, R15
	ADDQ             R11, BX
	DECQ             CX
	JNZ              loop

	STORE(DI, R9, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func wide8x32(k int, a *float32, aRow, aStep int, b *float32, bStep int, c *float32, cRow int, add, bPanel, cPanel int)
//
// The same for two panels: Z0 … Z7 hold the first one's tile, Z8 … Z15 the other's.
TEXT ·wide8x32(SB), NOSPLIT, $0-88
	ARGUMENTS
	FIFTHS
	MOVQ cPanel+80(FP), R14
	ADDQ DI, R14
	TESTQ R12, R12
	MOVQ bPanel+72(FP), R12
	JNZ  load
	CLEAR(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	CLEAR(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	JMP  loop

load:
	LOAD(DI, R9, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	LEAQ (R14)(DX*4), R9
	LOAD(R14, R9, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

loop:
	VMOVUPS      (BX), Z16
	VMOVUPS      (BX)(R12*1), Z17
	VBROADCASTSS (SI), Z18
	VBROADCASTSS (SI)(AX*1), Z19
	VFMADD231PS  Z16, Z18, Z0
	VFMADD231PS  Z17, Z18, Z8
	VFMADD231PS  Z16, Z19, Z1
	VFMADD231PS  Z17, Z19, Z9
	VBROADCASTSS (SI)(AX*2), Z18
	VBROADCASTSS (SI)(R8*1), Z19
	VFMADD231PS  Z16, Z18, Z2
	VFMADD231PS  Z17, Z18, Z10
	VFMADD231PS  Z16, Z19, Z3
	VFMADD231PS  Z17, Z19, Z11
	VBROADCASTSS (R15), Z18
	VBROADCASTSS (R15)(AX*1), Z19
	VFMADD231PS  Z16, Z18, Z4
	VFMADD231PS  Z17, Z18, Z12
	VFMADD231PS  Z16, Z19, Z5
	VFMADD231PS  Z17, Z19, Z13
	VBROADCASTSS (R15)(AX*2), Z18
	VBROADCASTSS (R15)(R8*1), Z19
	VFMADD231PS  Z16, Z18, Z6
	VFMADD231PS  Z17, Z18, Z14
	VFMADD231PS  Z16, Z19, Z7
	VFMADD231PS  Z17, Z19, Z15
	ADDQ         R10, SI
	ADDQ         R10, R15
	ADDQ         R11, BX
	DECQ         CX
	JNZ          loop

	LEAQ (DI)(DX*4), R9
	STORE(DI, R9, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	LEAQ (R14)(DX*4), R9
	STORE(R14, R9, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	VZEROUPPER
	RET
