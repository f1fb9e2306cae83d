CREATE OPERATOR public.=== (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer, JOIN = eqjoinsel, COMMUTATOR = OPERATOR(public.===));
CREATE TABLE public.t (a integer CHECK (a OPERATOR(public.===) 1));
CREATE OPERATOR public.!== (FUNCTION = int4ne, LEFTARG = integer, RIGHTARG = integer, NEGATOR = OPERATOR(public.====));
CREATE OPERATOR public.==== (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer, NEGATOR = OPERATOR(public.!==));
