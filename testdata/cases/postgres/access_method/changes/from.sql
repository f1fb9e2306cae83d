CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE ACCESS METHOD own TYPE INDEX HANDLER hashhandler;
COMMENT ON ACCESS METHOD own IS 'a hash';
CREATE OPERATOR CLASS public.ints DEFAULT FOR TYPE integer USING own AS OPERATOR 1 =, FUNCTION 1 hashint4(integer);
CREATE TABLE public.t (a integer);
CREATE INDEX t_a ON public.t USING own (a);
