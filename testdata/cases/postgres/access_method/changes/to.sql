CREATE ACCESS METHOD heap3 TYPE TABLE HANDLER heap_tableam_handler;
CREATE ACCESS METHOD own TYPE INDEX HANDLER spghandler;
CREATE TABLE public.t (a integer);
CREATE TABLE public.u (a integer) USING heap3;
